"""Environments: where images are built and services run."""

from __future__ import annotations

from .resources import Collection, Resource


class Environment(Resource):
    """One environment; an Owner makes and changes them in the portal."""

    collection = "environments"


class Environments(Collection[Environment]):
    """The group's environments, by name."""

    resource = Environment
