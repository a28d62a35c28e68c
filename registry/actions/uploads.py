"""Upload sets: files of one person on their way into one group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest, Conflict, NotFound, TooLarge
from registry.models import Asset, ResumableUpload, UploadedFile, UploadSet
from registry.paths import clean_path

LIFETIME = timedelta(hours=24)


def open_upload_set(*, user, group) -> UploadSet:
    """An empty set that takes files for 24 hours."""
    require(user, Permission.MODEL_WRITE, group)
    return UploadSet.objects.create(group=group, user=user, expires_at=timezone.now() + LIFETIME)


def open_sets(user, group) -> models.QuerySet:
    """The person's own sets that still take files, the newest first, with their `progress`; whole files are counted by the database."""
    own = UploadSet.objects.filter(user=user, group=group, closed_at=None, expires_at__gt=timezone.now()).order_by("-created_at")
    begun = models.Prefetch("resumable", ResumableUpload.objects.filter(asset=None), to_attr="begun")
    return own.prefetch_related(begun).annotate(
        file_count=models.Count("files"),
        file_size=Coalesce(models.Sum("files__asset__size"), 0),
        first_path=Coalesce(models.Min("files__path"), models.Value("")),
    )


def find_upload_set(*, user, group, said: str) -> UploadSet:
    """The person's own set in this group; anybody else's does not exist for them."""
    try:
        found = UploadSet.objects.filter(pk=said, user=user, group=group).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise NotFound(
            _("There is no upload set %(said)s of yours in %(name)s.") % {"said": said, "name": group.name},
            details=[{"code": "NotFound", "message": str(said), "field": "uploadSet"}],
        )
    return found


def check_open(*, user, upload_set: UploadSet) -> None:
    """Raises unless this person may put files into the set now; asked before the first byte is read."""
    require(user, Permission.MODEL_WRITE, upload_set.group)
    if upload_set.user_id != user.pk:
        raise NotFound(_("There is no %(upload_set)s of yours.") % {"upload_set": upload_set})
    if upload_set.closed_at is not None:
        raise Conflict(_("This upload set has been used already. Open a new one."), code="UploadSetClosed")
    if not upload_set.is_open:
        raise Conflict(_("This upload set has expired. Open a new one."), code="UploadSetExpired")


def clean_upload_path(path: str) -> str:
    try:
        return clean_path(path)
    except ValidationError as error:
        raise BadRequest(error.messages[0], field="path") from None


def add_uploaded_file(*, user, upload_set: UploadSet, path: str, asset: Asset) -> None:
    """Puts a stored file into the set; the same path again replaces it."""
    add_uploaded_files(user=user, upload_set=upload_set, files=[(path, asset)])


@transaction.atomic
def add_uploaded_files(*, user, upload_set: UploadSet, files: Sequence[tuple[str, Asset]]) -> None:
    """Puts stored files into the set, all or none; the same path again replaces what was there."""
    upload_set = UploadSet.objects.select_for_update().select_related("group").filter(pk=upload_set.pk).first()
    if upload_set is None:
        raise NotFound(_("The upload set was deleted while the file arrived."))
    check_open(user=user, upload_set=upload_set)
    by_path = {clean_upload_path(path): asset for path, asset in files}
    upload_set.files.filter(path__in=by_path).delete()
    for begun in upload_set.resumable.filter(path__in=by_path, asset=None):
        begun.forget()  # the whole file came another way
    UploadedFile.objects.bulk_create([UploadedFile(upload_set=upload_set, path=path, asset=asset) for path, asset in by_path.items()])
    if upload_set.files.count() > settings.MAX_FILES:
        raise TooLarge(_("An upload set takes at most %(max_files)s files.") % {"max_files": settings.MAX_FILES}, code="TooManyFiles")


@transaction.atomic
def remove_uploaded_file(*, user, upload_set: UploadSet, path: str) -> None:
    check_open(user=user, upload_set=upload_set)
    path = clean_upload_path(path)
    resumable = upload_set.resumable.filter(path=path).first()
    if resumable is not None:
        resumable.forget()
    if not upload_set.files.filter(path=path).delete()[0] and resumable is None:
        raise NotFound(_("There is no file %(path)s in this upload set.") % {"path": path})


@transaction.atomic
def delete_upload_set(*, user, upload_set: UploadSet) -> None:
    require(user, Permission.MODEL_WRITE, upload_set.group)
    for resumable in upload_set.resumable.filter(asset=None):
        resumable.forget()
    upload_set.delete()


def use_up(*, user, group, upload_set: UploadSet) -> list[tuple[str, Asset]]:
    """Close the set, inside the caller's transaction, and hand out its files; a second caller is refused."""
    if upload_set.group_id != group.pk:
        raise NotFound(_("There is no %(upload_set)s of yours in %(name)s.") % {"upload_set": upload_set, "name": group.name})
    check_open(user=user, upload_set=upload_set)
    late = list(upload_set.resumable.filter(asset=None).values_list("path", flat=True)[:3])
    if late:
        raise Conflict(
            _("Not everything has arrived yet: %(late)s. Send the rest, or remove it.") % {"late": ", ".join(late)}, code="UploadUnfinished"
        )
    if not UploadSet.objects.filter(pk=upload_set.pk, closed_at=None).update(closed_at=timezone.now()):
        raise Conflict(_("This upload set has been used already. Open a new one."), code="UploadSetClosed")
    return [(file.path, file.asset) for file in upload_set.files.select_related("asset")]
