"""Aliases of models: words that point at a version and are moved."""

from __future__ import annotations

from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict, NotFound, PreconditionFailed
from registry.faults import Faults
from registry.models import Alias, ModelVersion, RegisteredModel

MOST_ALIASES = 50
#: sent inside the transaction, with `alias` and `user`, when an alias that was there points at another version
alias_moved = Signal()


@transaction.atomic
def move_alias(*, user, version: ModelVersion, name: str, expected: str | None = None) -> Alias:
    """Points the alias at `version`, from wherever it pointed before; a new word is made. Again the same changes nothing.

    `expected` is where it must point now (iris:6 or a uuid; "" for nowhere), of somebody who decided by that; raises
    PreconditionFailed when it was moved since.
    """
    require(user, Permission.MODEL_WRITE, version.group)
    faults = Faults()
    faults.name(name, "alias")
    faults.check()
    # The model's row is the lock: two people who move one alias are one after the other.
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    alias = model.aliases.select_related("version__model").filter(name=name).first()
    if alias is None:
        if model.aliases.count() >= MOST_ALIASES:
            faults.add("alias", f"A model has at most {MOST_ALIASES} aliases.")
            faults.check()
        _refuse_unexpected(f"{model}@{name}", None, expected)
        alias, before = Alias(model=model, name=name), None
    elif alias.version_id == version.pk:
        return alias
    else:
        _refuse_unexpected(str(alias), alias, expected)
        before = str(alias.version)
    alias.version, alias.moved_by = version, user
    alias.save()
    record(user, EventTag.ALIAS_MOVED, version, group=version.group, alias=str(alias), before=before, after=str(version))
    if before is not None:
        alias_moved.send(sender=Alias, alias=alias, user=user)
    return alias


def _refuse_unexpected(said: str, alias: Alias | None, expected: str | None) -> None:
    known = ("",) if alias is None else (str(alias.version), str(alias.version_id))
    if expected is None or expected in known:
        return
    words = {"alias": said, "now": known[0], "expected": expected}
    if alias is None:
        message = _("%(alias)s was removed meanwhile; it pointed at %(expected)s. Look again before you move it.") % words
    else:
        who = alias.moved_by.username if alias.moved_by else "–"
        message = _("%(alias)s points at %(now)s meanwhile, moved by %(who)s. Look again before you move it.") % {**words, "who": who}
    raise PreconditionFailed(message, details=[{"code": "PointsAt", "message": known[0], "field": "expected"}])


def hold_alias(alias: Alias) -> Alias:
    """The alias as it is now; it is not moved until the transaction around this ends."""
    RegisteredModel.objects.select_for_update().get(pk=alias.model_id)
    return Alias.objects.select_related("model__group", "version__model").get(pk=alias.pk)


@transaction.atomic
def remove_alias(*, user, alias: Alias) -> None:
    require(user, Permission.MODEL_WRITE, alias.model.group)
    if followers := [str(following.service) for following in alias.followings.select_related("service").order_by("service__name")]:
        raise Conflict(
            _("%(alias)s is followed by %(followers)s. End that first.") % {"alias": alias, "followers": ", ".join(followers)},
            code="InUse",
            details=[{"code": "UsedBy", "message": f"service {name}", "field": "service"} for name in followers],
        )
    record(user, EventTag.ALIAS_REMOVED, alias.version, group=alias.model.group, alias=str(alias))
    alias.delete()


def find_alias(*, user, group, model: str, name: str) -> Alias:
    """Raises NotFound."""
    rows = Alias.objects.allowing(user, Permission.MODEL_READ).select_related("model__group", "version__model")
    found = rows.filter(model__group=group, model__name=model, name=name).first()
    if found is None:
        raise NotFound(_("There is no alias %(model)s@%(name)s, or you may not see it.") % {"model": model, "name": name})
    return found
