"""What every template knows: addresses, the theme, and, on a group's pages, the frame around them."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from deployments.notifications import count_new
from frontend.frame import groups_in_frame
from frontend.navigation import menu
from portal.accounts.permissions import Role, role_in
from portal.accounts.preferences import preferences_of

THEMES = {"light": (_("Light"), "sun"), "dark": (_("Dark"), "moon"), "system": (_("As the system"), "device-desktop")}


def portal(request) -> dict:
    theme = request.COOKIES.get("modelport-theme", "system")
    return {
        "PORTAL_URL": settings.PORTAL_URL,
        "GATEWAY_URL": settings.GATEWAY_URL,
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "frame": SimpleLazyObject(lambda: _frame(request)),
    }


def _frame(request) -> dict:
    """The menu and the groups to switch to; asked for only when a page draws the frame."""
    user = getattr(request, "user", None)
    group = getattr(request, "group", None)
    if user is None or not user.is_authenticated:
        return {}
    frame: dict = {
        "groups": request.groups if group is not None else groups_in_frame(user),
        "shortcuts": preferences_of(user).get("shortcuts") is not False,
        "news": count_new(user),
    }
    if group is not None:
        role = role_in(user, group)
        frame |= {
            "group": group,
            "role": Role(role).label if role else "",
            "menu": menu(request, group),
            "running": group.running,
        }
    return frame
