"""Files of an upload set that may arrive in pieces: begin, find, finish, drop."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.errors import BadRequest, InsufficientStorage, NotFound, TooLarge
from registry.actions.uploads import LIFETIME, add_uploaded_file, check_open, clean_upload_path
from registry.models import Asset, ResumableUpload, UploadedFile, UploadSet
from registry.resuming import Appending
from registry.storage import too_large
from registry.usage import known_to

SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: a set that goes on growing is kept longer than LIFETIME, but not for ever
LONGEST = timedelta(days=7)


@transaction.atomic
def begin_resumable_upload(*, user, upload_set: UploadSet, path: str, size: int, sha256: str = "", modified: str = "") -> ResumableUpload:
    """The upload of this file, from where it stands: a second beginning of the same file finds the first.

    Everything that can be refused is refused here, before the first byte: BadRequest, Conflict, TooLarge, InsufficientStorage.
    """
    upload_set = UploadSet.objects.select_for_update().select_related("group").filter(pk=upload_set.pk).first()
    if upload_set is None:
        raise NotFound(_("There is no such upload set any more."))
    check_open(user=user, upload_set=upload_set)
    path = clean_upload_path(path)
    if sha256 and not SHA256.fullmatch(sha256):
        raise BadRequest(_("sha256 must be 64 hexadecimal digits."), field="sha256")
    same = {"size": size, "sha256": sha256.lower(), "modified": modified[:32]}
    known = upload_set.resumable.filter(path=path).first()
    if known is not None:
        still_there = known.asset_id is None or upload_set.files.filter(path=path, asset=known.asset_id).exists()
        if still_there and all(getattr(known, key) == value for key, value in same.items()):
            return known
        known.forget()
    check_room(user=user, size=size)
    if upload_set.files.count() + upload_set.resumable.filter(asset=None).count() >= settings.MAX_FILES:
        raise TooLarge(_("An upload set takes at most %(max_files)s files.") % {"max_files": settings.MAX_FILES}, code="TooManyFiles")
    return ResumableUpload.objects.create(upload_set=upload_set, path=path, **same)


def find_resumable_upload(*, upload_set: UploadSet, said: str) -> ResumableUpload:
    try:
        found = upload_set.resumable.filter(pk=said).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise NotFound(_("There is no upload %(said)s in this upload set.") % {"said": said})
    found.upload_set = upload_set
    return found


def prolong(upload_set: UploadSet) -> None:
    """While it grows, a set lives for a day more, at most a week in all."""
    until = min(timezone.now() + LIFETIME, upload_set.created_at + LONGEST)
    if until > upload_set.expires_at:
        UploadSet.objects.filter(pk=upload_set.pk).update(expires_at=until)


def finish_resumable_upload(*, user, upload: ResumableUpload, appending: Appending) -> Asset:
    """Hashes what arrived, keeps it and puts it into the set. Raises BadRequest (DigestMismatch): then nothing is kept.

    `already_stored` on the asset says whether the person knew these bytes to be here.
    """
    with appending.whole():
        try:
            appending.check(expected_sha256=upload.sha256, expected_size=upload.size)
        except BadRequest:
            appending.discard()
            raise
        known = known_to(user, appending.sha256)
        with transaction.atomic():
            asset = appending.keep()
            if not ResumableUpload.objects.filter(pk=upload.pk).update(asset=asset):
                raise NotFound(_("This upload was discarded while its last bytes arrived."))
            add_uploaded_file(user=user, upload_set=upload.upload_set, path=upload.path, asset=asset)
    asset.already_stored, upload.asset = known, asset
    return asset


@transaction.atomic
def drop_resumable_upload(*, user, upload: ResumableUpload) -> None:
    """Forgets what arrived. A file that is complete stays in the set; it is removed by its path."""
    check_open(user=user, upload_set=upload.upload_set)
    upload.forget()


def check_room(*, user, size: int | None) -> None:
    """Before the first byte: is the file too large, has the person too much lying about, is there room on the disk?"""
    if size is None:
        return
    if size > settings.MAX_FILE_BYTES:
        raise too_large()
    opened = {"upload_set__user": user, "upload_set__closed_at": None, "upload_set__expires_at__gt": timezone.now()}
    unfinished = ResumableUpload.objects.filter(asset=None)
    waiting = _sum(UploadedFile.objects.filter(**opened), "asset__size") + _sum(unfinished.filter(**opened), "size")
    if waiting + size > settings.MAX_UPLOAD_BYTES:
        raise TooLarge(
            _(
                "You have %(waiting)s bytes in uploads that are not registered yet, and %(max_upload_bytes)s is the most. Register or discard one first."
            )
            % {"waiting": format(waiting, ","), "max_upload_bytes": format(settings.MAX_UPLOAD_BYTES, ",")},
            code="TooMuchWaiting",
        )
    arrived = sum(path.stat().st_size for path in settings.STAGING_DIR.glob("*.tus"))
    promised = max(0, _sum(unfinished, "size") - arrived)
    free = shutil.disk_usage(settings.STAGING_DIR).free
    if size + promised > free:
        raise InsufficientStorage(
            _("The portal's disk has %(free)s bytes free; the file has %(size)s. Ask whoever runs the portal to make room.")
            % {"free": format(max(0, free - promised), ","), "size": format(size, ",")}
        )


def _sum(rows, field: str) -> int:
    return rows.aggregate(total=Sum(field))["total"] or 0
