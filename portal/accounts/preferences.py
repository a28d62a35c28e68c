"""How people like their pages: preferences of their own, and views of lists that may be shared."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Aggregate, Func, JSONField, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from portal.accounts.models import Preference, ResourceGroup, SavedView
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict, NotAllowed

#: lists whose views can be saved
NOUNS = ("models", "manifests", "images", "services", "environments", "operations", "audit")
_NAME = re.compile(r"[a-z][a-z._-]{0,39}")
MOST_PREFERENCES, MOST_VIEWS, LONGEST_VALUE = 50, 50, 2000
#: parts of an address that are the moment's, not the view's
PASSING = ("page", "export")


def preferences_of(user) -> dict[str, object]:
    """All of them, asked for once a request and person."""
    if not user.is_authenticated:
        return {}
    kept = user.__dict__.get("_preferences")
    if kept is None:
        kept = user.__dict__["_preferences"] = dict(user.preferences.values_list("name", "value"))
    return kept


class _Parsed(Func):
    """A column that holds JSON, as JSON inside of more of it."""

    function = "JSON"

    def as_postgresql(self, compiler, connection, **context):
        return compiler.compile(self.source_expressions[0])


class _JSONObject(Aggregate):
    """{name: value} of all rows."""

    function, output_field = "jsonb_object_agg", JSONField()

    def __init__(self, name: str, value: str, **extra):
        super().__init__(name, _Parsed(value), **extra)

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, function="json_group_object", **context)


def in_a_column(user: str) -> Subquery:
    """All preferences of the person that the column `user` of an outer query names, to be handed to `keep`."""
    own = Preference.objects.filter(user=OuterRef(user)).order_by().values("user")
    return Subquery(own.annotate(all=_JSONObject("name", "value")).values("all"))


def keep(user, found: dict[str, object] | None) -> None:
    """For `preferences_of`: what another query has found already."""
    user.__dict__["_preferences"] = found or {}


@transaction.atomic
def set_preference(*, user, name: str, value: object) -> Preference:
    """Only for oneself, so no permission is asked for."""
    if not _NAME.fullmatch(name):
        raise ValidationError({"name": _("Use up to 40 lower-case letters, dots, dashes and underscores.")})
    if len(json.dumps(value)) > LONGEST_VALUE:
        raise ValidationError({"value": _("Use at most %(longest_value)s characters of JSON.") % {"longest_value": LONGEST_VALUE}})
    if user.preferences.exclude(name=name).count() >= MOST_PREFERENCES:
        raise Conflict(_("There are %(most)d preferences already, which is the most.") % {"most": MOST_PREFERENCES})
    user.__dict__.pop("_preferences", None)
    return Preference.objects.update_or_create(user=user, name=name, defaults={"value": value})[0]


def views_for(user, group: ResourceGroup, noun: str):
    """One's own and those that others share, of one list."""
    visible = SavedView.objects.allowing_in(group, user, Permission.GROUP_READ).filter(noun=noun)
    return visible.filter(Q(user=user) | Q(shared=True)).select_related("user")


@transaction.atomic
def save_view(*, user, group: ResourceGroup, noun: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Under the name of an older one of one's own, it replaces that."""
    require(user, Permission.GROUP_READ, group)
    faults = {}
    if noun not in NOUNS:
        faults["noun"] = f"There is no list {noun!r}. Use one of {', '.join(NOUNS)}."
    if not name.strip() or len(name.strip()) > 60:
        faults["name"] = _("Give it a name of at most 60 characters.")
    kept = [(key, value) for key, value in parse_qsl(query.removeprefix("?")) if key not in PASSING]
    if not kept:
        faults["query"] = _("Choose a filter or an order first: this list shows everything.")
    if len(urlencode(kept)) > 1000:
        faults["query"] = _("These filters are too long to be kept.")
    if faults:
        raise ValidationError(faults)
    if SavedView.objects.filter(group=group, user=user).count() >= MOST_VIEWS:
        raise Conflict(_("You have %(most)d saved views here already. Delete one first.") % {"most": MOST_VIEWS})
    view, _created = SavedView.objects.update_or_create(
        group=group, user=user, noun=noun, name=name.strip(), defaults={"query": urlencode(kept), "shared": shared}
    )
    return view


@transaction.atomic
def delete_view(*, user, view: SavedView) -> None:
    """One's own; an Owner also what others share."""
    if view.user_id != user.pk:
        require(user, Permission.MEMBER_WRITE, view.group)
        if not view.shared:
            raise NotAllowed(_("This view is somebody else's own."))
    view.delete()
