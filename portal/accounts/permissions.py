"""The only file that knows roles: a table and three functions.

Reads use `objects.allowing(user, permission)`, writes use `require` inside the
action, templates ask `{% can %}` only to hide a button. A group one is not in does
not exist (404); a group one is in but may not change is 403.
"""

from __future__ import annotations

from enum import StrEnum

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.errors import NotAllowed


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    CONTRIBUTOR = "contributor", _("Contributor")
    READER = "reader", _("Reader")


#: one line each, for the members page
ROLE_MEANS = {
    Role.OWNER: _("Everything a Contributor may do; gives and takes access, deletes services, environments and collected data."),
    Role.CONTRIBUTOR: _("Registers models, builds images, deploys and updates services, sees keys once and what services collect."),
    Role.READER: _("Sees everything but keys and collected data, and changes nothing."),
}


class Permission(StrEnum):
    """`<resource>:<action>`, alphabetical: the only spelling."""

    COLLECTED_DELETE = "collected:delete"
    COLLECTED_READ = "collected:read"
    ENVIRONMENT_READ = "environment:read"
    ENVIRONMENT_WRITE = "environment:write"
    EVENT_READ = "event:read"
    GROUP_READ = "group:read"
    GROUP_WRITE = "group:write"
    IMAGE_READ = "image:read"
    IMAGE_WRITE = "image:write"
    KEY_WRITE = "key:write"
    MANIFEST_READ = "manifest:read"
    MANIFEST_WRITE = "manifest:write"
    MEMBER_READ = "member:read"
    MEMBER_WRITE = "member:write"
    MODEL_READ = "model:read"
    MODEL_WRITE = "model:write"
    OPERATION_READ = "operation:read"
    OPERATION_WRITE = "operation:write"
    SERVICE_DELETE = "service:delete"
    SERVICE_READ = "service:read"
    SERVICE_SCORE = "service:score"
    SERVICE_WRITE = "service:write"


_READ = frozenset(permission for permission in Permission if permission.endswith(":read"))
GRANTS: dict[str, frozenset[Permission]] = {
    # What callers sent is not for everybody who may look at a service.
    Role.READER: _READ - {Permission.COLLECTED_READ, Permission.EVENT_READ},
    Role.CONTRIBUTOR: _READ
    | {
        Permission.IMAGE_WRITE,
        Permission.KEY_WRITE,
        Permission.MANIFEST_WRITE,
        Permission.MODEL_WRITE,
        Permission.OPERATION_WRITE,
        Permission.SERVICE_SCORE,
        Permission.SERVICE_WRITE,
    },
    Role.OWNER: frozenset(Permission),
}


def roles_with(permission: str) -> list[str]:
    return [role for role, granted in GRANTS.items() if permission in granted]


def role_in(user, group) -> str | None:
    """The person's role in the group, or None; asked once per request and person."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return None
    kept = user.__dict__.setdefault("_roles", {})
    if group.pk not in kept:
        kept[group.pk] = user.memberships.filter(group=group).values_list("role", flat=True).first()
    return kept[group.pk]


def groups_of(user, **asked) -> list:
    """The groups that the person may see, by name. Their roles come along, so that `role_in` need not ask for each.

    `asked` are annotations of the person's memberships; the groups have them as attributes.
    """
    rows = apps.get_model("accounts", "Membership").objects.allowing(user, Permission.GROUP_READ)
    rows = list(rows.filter(user__pk=user.pk).select_related("group").order_by("group__name").annotate(**asked))
    user.__dict__.setdefault("_roles", {}).update({row.group_id: row.role for row in rows})
    for row in rows:
        row.group.__dict__ |= {name: getattr(row, name) for name in asked}
    return [row.group for row in rows]


def allows(user, permission: str, group) -> bool:
    return permission in GRANTS.get(role_in(user, group), ())


def require(user, permission: str, group) -> None:
    """Raises NotAllowed (403) with who can help, unless the person's role grants it."""
    if allows(user, permission, group):
        return
    role = role_in(user, group)
    needed = Role(roles_with(permission)[0]).label if roles_with(permission) else _("nobody")
    people = group.memberships.filter(role=Role.OWNER).exclude(user__username="system")
    owners = ", ".join(people.values_list("user__username", flat=True)) or _("nobody")
    if role:
        have = _("Your role in %(group)s is %(role)s.") % {"group": group.name, "role": Role(role).label}
    else:
        have = _("You are not a member of %(group)s.") % {"group": group.name}
    words = _("%(have)s This needs %(needed)s. Owners: %(owners)s.")
    raise NotAllowed(
        words % {"have": have, "needed": needed, "owners": owners},
        details=[{"code": "MissingPermission", "message": permission, "field": ""}],
    )


def group_named(user, name: str):
    """The group, if the person may see it, else None. Their role comes along, so that `role_in` need not ask for it."""
    rows = apps.get_model("accounts", "Membership").objects.allowing(user, Permission.GROUP_READ)
    row = rows.filter(user__pk=user.pk, group__name=name).select_related("group").first()
    if row is None:
        return None
    user.__dict__.setdefault("_roles", {})[row.group_id] = row.role
    return row.group


class ScopedQuerySet(models.QuerySet):
    """Rows of the groups in which the person's role grants a permission.

    `scope_path` leads from the row to its group ("model__group" for a child).
    """

    scope_path = "group"

    def allowing(self, user, permission: str) -> ScopedQuerySet:
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        groups = apps.get_model("accounts", "Membership").objects.filter(user=user, role__in=roles_with(permission)).values("group")
        path = "pk" if self.scope_path == "" else self.scope_path
        return self.filter(**{f"{path}__in": groups})

    def allowing_in(self, group, user, permission: str) -> ScopedQuerySet:
        """Those of `allowing` in one group. The person's role there is known by then, so the database is asked for nothing more."""
        path = "pk" if self.scope_path == "" else self.scope_path
        return self.filter(**{path: group.pk if path == "pk" else group}) if allows(user, permission, group) else self.none()


def scoped(path: str = "group") -> type[ScopedQuerySet]:
    """A ScopedQuerySet whose rows reach their group along `path`."""
    return type("ScopedQuerySet", (ScopedQuerySet,), {"scope_path": path})
