"""Blobs: write-once bytes at `sha256/ab/<hex>`, hashed while they arrive and stored once.

Everything goes through Django's storage API, so django-storages (S3, Azure Blob)
can take the place of the local disk; only the local storage has the rename.

Order of a write: staging file -> fsync -> database row (locked, not committed) ->
rename -> fsync of the folder -> commit. `remove_orphan` locks the same row before it
deletes the bytes, so the two cannot overtake each other. Files that arrive together
take each of these steps together: a folder of thousands costs some statements.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.errors import BadRequest, InsufficientStorage, TooLarge, Unavailable
from portal.told import told
from registry.models import Asset

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: files that are synced at once
_SYNCS = 8


class LocalBlobStorage(FileSystemStorage):
    """The local disk; takes staged files over by renaming them."""

    def adopt(self, staged: Sequence[tuple[Path, str]]) -> None:
        """Move each (staged file, name), whose bytes are synced, to its name. They must lie on the same file system."""
        folders = set()
        for path, name in staged:
            target = Path(self.path(name))
            if not target.parent.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent.parent)
            os.chmod(path, self.file_permissions_mode or 0o440)
            os.replace(path, target)
            folders.add(target.parent)
        _sync_all(folders)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_all(paths: Collection[Path]) -> None:
    """Files or folders, some at once: a disk's journal is then written once for many of them."""
    if len(paths) == 1:
        _sync(*paths)
    elif paths:
        with ThreadPoolExecutor(min(_SYNCS, len(paths))) as threads:
            list(threads.map(_sync, paths))


@contextmanager
def told_when_full():
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise InsufficientStorage(_("The portal's disk is full. Nothing was kept; ask whoever runs it to make room.")) from error
        raise


def blobs():
    """The storage that holds the bytes."""
    return storages["blobs"]


def blob_name(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


class Incoming:
    """Bytes on their way in. Write chunks, then `finish`; everything else leaves nothing behind.

    Not for two threads at once. As a context manager it aborts what was not finished.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0
        self.path = Path(settings.STAGING_DIR) / f"{uuid.uuid4().hex}.part"
        with told_when_full():
            self._file = self._open()

    def _open(self):
        return open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, *error) -> None:
        self.abort()

    def __del__(self) -> None:
        # A form whose parsing broke off drops its handler and tells nobody.
        if hasattr(self, "_file"):
            self.abort()

    def write(self, data: bytes) -> None:
        """Raises TooLarge beyond settings.MAX_FILE_BYTES and InsufficientStorage when the disk is full."""
        self.append(data)
        self.digest(data)

    def append(self, data: bytes) -> None:
        """The half of `write` that keeps the bytes. The other half may run beside it, in a thread of its own."""
        self.size += len(data)
        if self.size > settings.MAX_FILE_BYTES:
            raise too_large()
        with told_when_full():
            self._file.write(data)

    def digest(self, data: bytes) -> None:
        """The half of `write` that hashes; call it with the same bytes in the same order."""
        self._hash.update(data)

    def sync(self) -> None:
        """What is written goes to the disk; may run beside `append` and `digest`, in a thread of its own."""
        with told_when_full():
            os.fdatasync(self._file.fileno())

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def peek(self, most: int) -> bytes:
        """The first `most` bytes that arrived; only before `finish`."""
        if not self._file.closed:
            with told_when_full():
                self._file.flush()
        with open(self.path, "rb") as staged:
            return staged.read(most)

    def close(self) -> None:
        """All bytes are here. The descriptor is given back, since a form of thousands of files would else hold as many."""
        with told_when_full():
            self._file.close()

    def finish(self, *, expected_sha256: str | None = None, expected_size: int | None = None) -> Asset:
        """The asset of these bytes; `already_stored` on it says whether they were here before.

        Raises BadRequest (DigestMismatch, Incomplete) when they are not what was announced; nothing is kept then.
        """
        try:
            self.check(expected_sha256=expected_sha256, expected_size=expected_size)
            return finish_all([self])[0]
        finally:
            self.abort()

    def check(self, *, expected_sha256: str | None = None, expected_size: int | None = None) -> None:
        """Raises BadRequest (DigestMismatch, Incomplete) when the bytes are not what was announced."""
        if expected_size is not None and self.size != expected_size:
            raise BadRequest(
                _("%(size)s of %(expected_size)s bytes arrived. Send the file again.")
                % {"size": self.size, "expected_size": expected_size},
                code="Incomplete",
            )
        if expected_sha256 and self.sha256 != expected_sha256.lower():
            raise BadRequest(
                _("The bytes that arrived have the SHA-256 %(sha256)s, not the one announced. Send the file again.")
                % {"sha256": self.sha256},
                code="DigestMismatch",
            )

    def keep(self) -> Asset:
        """The asset of bytes that are complete and synced; for `finish`."""
        return _keep_all([self])[0]

    def send(self, storage, name: str) -> None:
        """To a storage that takes no file over."""
        with open(self.path, "rb") as staged:
            kept = storage.save(name, File(staged, name=name))
        if kept != name:  # another sender was quicker and the store gave us a second name
            storage.delete(kept)

    def abort(self) -> None:
        """Forget everything; safe to repeat, and after `finish` it does nothing."""
        try:
            self._file.close()
        except OSError:
            pass  # what could not be flushed is not wanted
        self.path.unlink(missing_ok=True)


def finish_all(arrived: Sequence[Incoming]) -> list[Asset]:
    """`finish` for many that arrived together, all or none, in their order; the number of statements hardly grows with them."""
    try:
        for incoming in arrived:
            incoming.close()
        with told_when_full():
            _sync_all([incoming.path for incoming in arrived])
            return _keep_all(arrived)
    finally:
        for incoming in arrived:
            incoming.abort()


def _keep_all(arrived: Sequence[Incoming]) -> list[Asset]:
    storage, by_hash = blobs(), {incoming.sha256: incoming for incoming in arrived}
    local = hasattr(storage, "adopt")
    if not local:
        for sha256, incoming in by_hash.items():  # before the transaction: a slow store must not hold the rows
            if not storage.exists(blob_name(sha256)):
                incoming.send(storage, blob_name(sha256))
    with transaction.atomic():
        rows = _locked_rows({sha256: incoming.size for sha256, incoming in by_hash.items()})
        staged = []
        for sha256, incoming in by_hash.items():
            name = blob_name(sha256)
            there = storage.exists(name)
            if local and not (there and storage.size(name) == incoming.size):
                staged.append((incoming.path, name))
            elif not there:
                incoming.send(storage, name)
        if staged:
            storage.adopt(staged)
    return [rows[incoming.sha256] for incoming in arrived]


def _locked_rows(sizes: dict[str, int]) -> dict[str, Asset]:
    """The rows of these hashes, locked, with `already_stored`; sorted, so that two who want the same never wait for each other."""
    now, rows = timezone.now(), {}
    while missing := sorted(sizes.keys() - rows):
        # The insert first: it waits for a deletion of the same row that has not been committed.
        Asset.objects.bulk_create([Asset(sha256=each, size=sizes[each], stored_at=now) for each in missing], ignore_conflicts=True)
        rows |= {row.pk: row for row in Asset.objects.select_for_update().filter(pk__in=missing).order_by("pk")}
    for row in rows.values():
        row.already_stored = row.stored_at != now
    Asset.objects.filter(pk__in=[row.pk for row in rows.values() if row.already_stored]).update(stored_at=now)
    return rows


def too_large() -> TooLarge:
    return TooLarge(f"The file is larger than the {settings.MAX_FILE_BYTES} bytes this portal takes.", details=[])


def store_bytes(data: bytes) -> Asset:
    with Incoming() as incoming:
        incoming.write(data)
        return incoming.finish()


def open_asset(asset: Asset) -> File:
    """The bytes, to be read and closed by the caller."""
    try:
        opened = blobs().open(blob_name(asset.sha256), "rb")
        _ = opened.file  # some storages look only now whether it is there
        return opened
    except FileNotFoundError as error:
        raise Unavailable(told("The file storage"), told("it has lost %(digest)s.", digest=asset.sha256)) from error
    except OSError:
        raise
    except Exception as error:  # of the library that speaks to a remote storage
        raise Unavailable(told("The file storage"), told("it does not give a file (%(error)s).", error=type(error).__name__)) from error


def read_asset(asset: Asset) -> bytes:
    """All bytes at once; for small files only."""
    with open_asset(asset) as file:
        return file.read()
