"""Which bytes nobody needs, and how they go without pulling them from under a new reference.

Safe while people upload: an asset's row is locked and looked at again before its bytes
are deleted, all in one transaction; `Incoming` takes the same lock before it relies on them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from registry.models import Asset, ManifestDraft, ResumableUpload, UploadSet
from registry.storage import blob_name, blobs

DAY = timedelta(hours=24)


@dataclass
class Swept:
    upload_sets: int = 0
    files: int = 0
    size: int = 0
    staging: int = 0


def sweep(age: timedelta = DAY, *, dry_run: bool = False, strays: bool = False) -> Swept:
    """Everything at once, for the clock and the command. `strays` also looks at every stored file, which takes long in a large store."""
    done = Swept()
    if not dry_run:
        done.upload_sets = expire_upload_sets()
        expire_drafts()
        done.staging = remove_stale_staging(Path(settings.STAGING_DIR), time.time() - age.total_seconds())
    for asset in itertools.chain(orphan_assets(age), stray_blobs(age) if strays else ()):
        if dry_run or remove_orphan(asset, age):
            done.files, done.size = done.files + 1, done.size + asset.size
    return done


def _unreferenced(age: timedelta) -> models.QuerySet:
    """Rows that nothing points to, found by asking every foreign key there is, also one that is added later."""
    rows = Asset.objects.filter(stored_at__lt=timezone.now() - age)
    for relation in Asset._meta.related_objects:
        pointing = relation.related_model._base_manager.filter(**{relation.field.name: models.OuterRef("pk")})
        rows = rows.filter(~models.Exists(pointing))
    return rows


def expire_drafts() -> int:
    """Manifests that nobody has gone on writing for a month."""
    return ManifestDraft.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def expire_upload_sets() -> int:
    """Sets that are over, used up or not; their files may then be orphans."""
    _, per_model = UploadSet.objects.filter(expires_at__lt=timezone.now()).delete()
    return per_model.get("registry.UploadSet", 0)


def orphan_assets(age: timedelta) -> list[Asset]:
    return list(_unreferenced(age).order_by("sha256"))


def stray_blobs(age: timedelta) -> Iterator[Asset]:
    """Stored bytes without a row, from a transaction that was undone; as unsaved assets."""
    storage, limit = blobs(), timezone.now() - age
    if hasattr(storage, "adopt") and not storage.exists("sha256"):
        return
    for names in _stored(storage):
        known = set(Asset.objects.filter(pk__in=names).values_list("pk", flat=True))
        for name in names:
            stored_at = storage.get_modified_time(blob_name(name))
            if name not in known and stored_at < limit:
                yield Asset(sha256=name, size=storage.size(blob_name(name)), stored_at=stored_at)


def _stored(storage) -> Iterator[list[str]]:
    """The names of all blobs, some at a time. Azure lists everything at once and by whole names, the others folder by folder."""
    folders, files = storage.listdir("sha256")
    for folder in folders:
        yield [_last_step(name) for name in storage.listdir(f"sha256/{_last_step(folder)}")[1]]
    flat = [_last_step(name) for name in files]
    for start in range(0, len(flat), 1000):
        yield flat[start : start + 1000]


def _last_step(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def remove_orphan(asset: Asset, age: timedelta) -> bool:
    """Deletes row and bytes, unless somebody came to need them meanwhile."""
    with transaction.atomic():
        # For bytes without a row, the row is made first: it is what arriving bytes wait for.
        Asset.objects.get_or_create(pk=asset.pk, defaults={"size": asset.size, "stored_at": asset.stored_at})
        Asset.objects.select_for_update().filter(pk=asset.pk).first()
        if not _unreferenced(age).filter(pk=asset.pk).exists():
            return False
        Asset.objects.filter(pk=asset.pk).delete()
        blobs().delete(blob_name(asset.sha256))
    return True


def remove_stale_staging(folder: Path, before: float) -> int:
    """Staging files of processes that were killed, and of resumable uploads that are no more; `before` is seconds since the epoch."""
    kept = {f"{pk}.tus" for pk in ResumableUpload.objects.filter(asset=None).values_list("pk", flat=True)}
    found = [*folder.glob("*.part"), *(path for path in folder.glob("*.tus") if path.name not in kept)]
    stale = [path for path in found if path.stat().st_mtime < before]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)
