"""The menu as data: words, icon, page, and what one must be allowed to read to see it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from portal.accounts.permissions import Permission, allows


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    icon: str
    page: str
    permission: str
    #: the first word of the address below the group; the item is current for every page under it
    segment: str


MENU = [
    Item("Home", "home", "home", Permission.GROUP_READ, ""),
    Item("Models", "box", "models", Permission.MODEL_READ, "models"),
    Item("Manifests", "list-details", "manifests", Permission.MANIFEST_READ, "manifests"),
    Item("Images", "package", "images", Permission.IMAGE_READ, "images"),
    Item("Services", "rocket", "services", Permission.SERVICE_READ, "services"),
    Item("Environments", "server-2", "environments", Permission.ENVIRONMENT_READ, "environments"),
    Item("Operations", "activity", "operations", Permission.OPERATION_READ, "operations"),
    Item("Members", "users", "members", Permission.MEMBER_READ, "members"),
]


def menu(request, group) -> list[dict]:
    here = request.path.removeprefix(f"/g/{group.name}/").split("/")[0]
    return [
        {"label": item.label, "icon": item.icon, "url": reverse(f"pages:{item.page}", args=[group.name]), "current": item.segment == here}
        for item in MENU
        if allows(request.user, item.permission, group)
    ]
