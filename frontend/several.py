"""What can be asked of several rows of a list at once: each row by the same action as from its own page, each for itself.

What will be refused is not guessed: `attempt(keep=False)` does the act and takes it back, so a page can say beforehand what the
action would say. Actions leave what a rollback cannot take back to `on_commit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import ProtectedError
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from deployments.actions import images, operations, services
from deployments.models import Operation, Service
from frontend.forms.deployments import ConfirmForm, DangerForm
from frontend.forms.models import AddTagsForm
from frontend.lists import PAGE_SIZES
from portal.accounts.permissions import Permission, allows
from portal.api.errors import describe
from portal.errors import PortalError
from registry.actions import manifests
from registry.actions import models as model_actions
from registry.models import Image, Manifest, ModelVersion

#: rows at once: what the longest page of a list shows
MOST = max(PAGE_SIZES)


@dataclass(frozen=True, slots=True)
class Verb:
    """One button of the bar. `act(user, row, **values)` calls the action; `values` are the form's."""

    name: str
    words: str | Promise
    icon: str
    permission: str
    act: Callable[..., object]
    #: the question of the page that asks first, by `count`; without one it is done at once
    question: Promise | None = None
    #: what happens to each, said there
    what: str | Promise = ""
    #: (data or None, how many will go) -> what that page has to be told
    form: Callable[[object, int], forms.Form] = lambda data, count: ConfirmForm(data)
    danger: bool = False
    #: why a row needs it not, or "": the action would do it again
    needless: Callable[[models.Model], str] = lambda row: ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one list: what they are, who sees them, the address of one."""

    model: type[models.Model]
    permission: str
    page: str
    verbs: tuple[Verb, ...]
    #: what the actions and the names of rows need besides
    related: tuple[str, ...] = ("group",)
    said: Callable[[models.Model], str] = str
    #: what the row's address is made of
    key: Callable[[models.Model], object] = str


def _add_tags(user, row: ModelVersion, tags: Iterable[str] = ()) -> None:
    # Two people who add at the same time both keep theirs.
    held = ModelVersion.objects.select_for_update(of=("self",)).select_related("group").get(pk=row.pk)
    model_actions.change_model_version(user=user, version=held, tags=[*held.tags.values_list("word", flat=True), *tags])


def _delete(action: Callable[..., object], noun: str) -> Callable[..., object]:
    # What was typed to confirm is the form's; the action does not ask for it.
    return lambda user, row, confirm="": action(user=user, **{noun: row})


KINDS: dict[str, Kind] = {
    "models": Kind(
        ModelVersion,
        Permission.MODEL_READ,
        "model",
        (
            Verb(
                "add-tags",
                _("Add tags"),
                "plus",
                Permission.MODEL_WRITE,
                _add_tags,
                question=ngettext_lazy("Add tags to %(count)s model version", "Add tags to %(count)s model versions", "count"),
                what=_("The tags that each has stay; their bytes never change."),
                form=lambda data, count: AddTagsForm(data),
            ),
            Verb(
                "delete",
                _("Delete"),
                "trash",
                Permission.MODEL_WRITE,
                _delete(model_actions.delete_model_version, "version"),
                question=ngettext_lazy("Delete %(count)s model version?", "Delete %(count)s model versions?", "count"),
                what=_("The files of each version go, unless something else uses the same content. A number is not given out again."),
                danger=True,
            ),
        ),
        related=("group", "model"),
    ),
    "manifests": Kind(
        Manifest,
        Permission.MANIFEST_READ,
        "manifest",
        (
            Verb(
                "delete",
                _("Delete"),
                "trash",
                Permission.MANIFEST_WRITE,
                _delete(manifests.delete_manifest, "manifest"),
                question=ngettext_lazy("Delete %(count)s manifest?", "Delete %(count)s manifests?", "count"),
                what=_("The recipe and its number go; the models that it used stay."),
                danger=True,
            ),
        ),
    ),
    "images": Kind(
        Image,
        Permission.IMAGE_READ,
        "image",
        (
            Verb(
                "delete",
                _("Delete"),
                "trash",
                Permission.IMAGE_WRITE,
                _delete(images.delete_image, "image"),
                question=ngettext_lazy("Delete %(count)s image?", "Delete %(count)s images?", "count"),
                what=_("Each image goes, here and at its engine; its manifest and models stay."),
                danger=True,
            ),
        ),
    ),
    "services": Kind(
        Service,
        Permission.SERVICE_READ,
        "service",
        (
            Verb(
                "start",
                _("Start"),
                "player-play",
                Permission.SERVICE_WRITE,
                lambda user, row: services.start_service(user=user, service=row),
                needless=lambda row: "" if row.stopped else gettext("It is not stopped."),
            ),
            Verb(
                "stop",
                _("Stop"),
                "player-stop",
                Permission.SERVICE_WRITE,
                lambda user, row: services.stop_service(user=user, service=row),
                question=ngettext_lazy("Stop %(count)s service?", "Stop %(count)s services?", "count"),
                what=_("Callers of each get 503 until it is started again. Its URL and keys stay."),
                needless=lambda row: gettext("It is stopped already.") if row.stopped else "",
            ),
            Verb(
                "delete",
                _("Delete"),
                "trash",
                Permission.SERVICE_DELETE,
                _delete(services.delete_service, "service"),
                question=ngettext_lazy("Delete %(count)s service?", "Delete %(count)s services?", "count"),
                what=_("Callers get 404 at once. The URL, both keys, the history, the counts and all collected data go."),
                form=lambda data, count: DangerForm(data, expected=str(count)),
                danger=True,
            ),
        ),
        related=("group", "environment"),
    ),
    "operations": Kind(
        Operation,
        Permission.OPERATION_READ,
        "operation",
        (
            Verb(
                "rerun",
                _("Run again"),
                "refresh",
                Permission.OPERATION_WRITE,
                lambda user, row: operations.rerun_operation(user=user, operation=row),
            ),
            Verb(
                "cancel",
                _("Cancel operations"),
                "x",
                Permission.OPERATION_WRITE,
                lambda user, row: operations.cancel_operation(user=user, operation=row),
                question=ngettext_lazy("Cancel %(count)s operation?", "Cancel %(count)s operations?", "count"),
                what=_("Each stops at once, and what it had begun is removed. What serves now goes on."),
                danger=True,
            ),
        ),
        related=("group", "service__group", "service__environment", "manifest", "image__manifest", "environment"),
        said=lambda row: row.label,
        key=lambda row: row.pk,
    ),
}


def verbs_for(user, group, noun: str) -> list[Verb]:
    """What the person may ask of several rows of this list; for nothing, a list has no boxes."""
    kind = KINDS.get(noun)
    return [verb for verb in kind.verbs if allows(user, verb.permission, group)] if kind else []


def attempt(verb: Verb, *, user, row, values: dict, keep: bool) -> str:
    """Does it and says "", or why it was refused. One row is done whole or not at all; with `keep` False it is taken back."""
    if reason := verb.needless(row):
        return reason
    try:
        with transaction.atomic():
            verb.act(user, row, **values)
            if not keep:
                transaction.set_rollback(True)
    except (ValidationError, PortalError, ProtectedError) as error:
        return str(describe(error)["message"])
    return ""
