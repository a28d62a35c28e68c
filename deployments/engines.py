"""An environment's alias -> its target and builder.

Operators define aliases in settings.TARGETS; an environment names one. The process
alias runs other people's code on the portal's own machine, so it is refused unless
a setting says so in words.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from deployments.builds.builders.base import Builder
from deployments.targets.base import Target
from portal.errors import BadRequest

#: the alias that runs user code as child processes of this machine
PROCESS = "process"


def aliases() -> list[str]:
    """What an environment may name here."""
    return [alias for alias in settings.TARGETS if alias != PROCESS or settings.ALLOW_PROCESS_TARGET]


def entry(alias: str) -> dict:
    """The settings of an alias; raises BadRequest when there is none or it is switched off."""
    if alias not in settings.TARGETS:
        raise BadRequest(
            _("There is no target %(alias)r here; use one of %(aliases)s.") % {"alias": alias, "aliases": ", ".join(aliases())},
            field="target",
        )
    if alias not in aliases():
        raise BadRequest(
            _(
                "Running services as processes of this machine is switched off. An operator can allow it with MODELPORT_ALLOW_PROCESS_TARGET=yes."
            ),
            field="target",
            code="TargetSwitchedOff",
        )
    return settings.TARGETS[alias]


def target(alias: str) -> Target:
    found = entry(alias)
    return import_string(found["TARGET"])(**found.get("TARGET_OPTIONS", {}))


def builder(alias: str) -> Builder:
    found = entry(alias)
    return import_string(found["BUILDER"])(**found.get("BUILDER_OPTIONS", {}))


def image_format(alias: str) -> str:
    """The image format that the alias builds and runs, without connecting to anything."""
    return import_string(entry(alias)["BUILDER"]).image_format


def title(alias: str) -> str:
    return import_string(settings.TARGETS[alias]["TARGET"]).title


def about(alias: str) -> str:
    """A sentence or two for who chooses a kind of environment."""
    return str(import_string(settings.TARGETS[alias]["TARGET"]).about)
