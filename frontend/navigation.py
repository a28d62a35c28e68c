"""The menu as data: words, icon, page, and what one must be allowed to read to see it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import Permission, allows


@dataclass(frozen=True, slots=True)
class Item:
    label: str | Promise
    icon: str
    page: str
    permission: str
    #: the first word of the address below the group; the item is current for every page under it
    segment: str
    #: a line is drawn above it
    apart: bool = False


MENU = [
    Item(_("Home"), "home", "home", Permission.GROUP_READ, ""),
    Item(_("Models"), "box", "models", Permission.MODEL_READ, "models"),
    Item(_("Manifests"), "list-details", "manifests", Permission.MANIFEST_READ, "manifests"),
    Item(_("Images"), "package", "images", Permission.IMAGE_READ, "images"),
    Item(_("Services"), "rocket", "services", Permission.SERVICE_READ, "services"),
    Item(_("Environments"), "server-2", "environments", Permission.ENVIRONMENT_READ, "environments"),
    Item(_("Operations"), "activity", "operations", Permission.OPERATION_READ, "operations"),
    Item(_("Members"), "users", "members", Permission.MEMBER_READ, "members", apart=True),
    Item(_("Audit log"), "history", "audit", Permission.EVENT_READ, "audit"),
]


def menu_items(user, group) -> list[Item]:
    return [item for item in MENU if allows(user, item.permission, group)]


def menu(request, group) -> list[dict]:
    here = request.path.removeprefix(f"/g/{group.name}/").split("/")[0]
    return [
        {
            "label": item.label,
            "icon": item.icon,
            "page": item.page,
            "apart": item.apart,
            "url": reverse(f"pages:{item.page}", args=[group.name]),
            "current": item.segment == here,
        }
        for item in menu_items(request.user, group)
    ]
