"""Manifests: the recipe of an image."""

from __future__ import annotations

from typing import Any

from .recipes import Recipe
from .resources import Collection, Resource, named
from .uploads import Given, OnFile, upload_set


class Manifest(Resource):
    """One manifest; it never changes."""

    collection = "manifests"

    def delete(self) -> None:
        self.portal.manifests.delete(self.ref)


class Manifests(Collection[Manifest]):
    """The group's manifests; `list(name=, model=, tag=, runtime=, q=)`."""

    resource, numbered = Manifest, True

    def create(self, name: str, driver: Given, *, on_file: OnFile | None = None, **recipe: Any) -> Manifest:
        """The next manifest of `name`. `recipe` is what modelport.recipes.Recipe takes: schema, pip_file or conda_file,
        files, models (["iris:3"]), runtime, python, description."""
        made = Recipe(driver, **recipe)
        body = {"name": name, **made.body()}
        with upload_set(self.portal, made.extra, on_file) as opened:
            if opened:
                body["uploadSet"] = opened
            return Manifest(self.portal, self.portal.transport.write("POST", self.portal.path(self.resource.collection), body))

    def propose(self, model: str | Resource, *, sample: str = "") -> dict[str, Any]:
        """score.py, schema and dependencies for a registered model, from its own files. Nothing is written.

        `sample` is a request, rows or CSV as text. {framework, notes, models, driver, schema, dependencies, runtime, python}
        """
        return self.portal.transport.write("POST", self.portal.path("models", named(model), "recipe"), {"sample": sample})
