"""Blobs: write-once bytes at `sha256/ab/<hex>`, hashed while they arrive and stored once.

Everything goes through Django's storage API, so django-storages (S3, Azure Blob)
can take the place of the local disk; only the local storage has the rename.

Order of a write: staging file -> fsync -> database row (locked, not committed) ->
rename -> fsync of the folder -> commit. `remove_orphan_assets` locks the same row
before it deletes the bytes, so the two cannot overtake each other.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages
from django.db import transaction
from django.utils import timezone

from portal.errors import BadRequest, InsufficientStorage, TooLarge, Unavailable
from registry.models import Asset

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LocalBlobStorage(FileSystemStorage):
    """The local disk; takes a staged file over by renaming it."""

    def adopt(self, staged: Path, name: str) -> None:
        """Move `staged`, whose bytes are synced, to `name`. It must lie on the same file system."""
        target = Path(self.path(name))
        new_folder = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(staged, self.file_permissions_mode or 0o440)
        os.replace(staged, target)
        _sync_folder(target.parent)
        if new_folder:
            _sync_folder(target.parent.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told_when_full():
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise InsufficientStorage("The portal's disk is full. Nothing was kept; ask whoever runs it to make room.") from error
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
        self._path = Path(settings.STAGING_DIR) / f"{uuid.uuid4().hex}.part"
        with told_when_full():
            self._file = self._open()

    def _open(self):
        return open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")

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

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def peek(self, most: int) -> bytes:
        """The first `most` bytes that arrived; only before `finish`."""
        with told_when_full():
            self._file.flush()
        with open(self._path, "rb") as staged:
            return staged.read(most)

    def finish(self, *, expected_sha256: str | None = None, expected_size: int | None = None) -> Asset:
        """The asset of these bytes; `already_stored` on it says whether they were here before.

        Raises BadRequest (DigestMismatch, Incomplete) when they are not what was announced; nothing is kept then.
        """
        try:
            self.check(expected_sha256=expected_sha256, expected_size=expected_size)
            with told_when_full():
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                return self.keep()
        finally:
            self.abort()

    def check(self, *, expected_sha256: str | None = None, expected_size: int | None = None) -> None:
        """Raises BadRequest (DigestMismatch, Incomplete) when the bytes are not what was announced."""
        if expected_size is not None and self.size != expected_size:
            raise BadRequest(f"{self.size} of {expected_size} bytes arrived. Send the file again.", code="Incomplete")
        if expected_sha256 and self.sha256 != expected_sha256.lower():
            raise BadRequest(
                f"The bytes that arrived have the SHA-256 {self.sha256}, not the one announced. Send the file again.",
                code="DigestMismatch",
            )

    def keep(self) -> Asset:
        """The asset of bytes that are complete and synced; for `finish`."""
        storage, name = blobs(), blob_name(self.sha256)
        local = hasattr(storage, "adopt")
        if not local and not storage.exists(name):
            self._send(storage, name)  # before the transaction: a slow store must not hold the row
        with transaction.atomic():
            # The row first: an insert waits for a deletion of the same row that has not been committed.
            asset, created = Asset.objects.select_for_update().get_or_create(sha256=self.sha256, defaults={"size": self.size})
            if not created:
                asset.stored_at = timezone.now()
                asset.save(update_fields=["stored_at"])
            there = storage.exists(name)
            if local and not (there and storage.size(name) == self.size):
                storage.adopt(self._path, name)
            elif not there:
                self._send(storage, name)
        asset.already_stored = not created
        return asset

    def _send(self, storage, name: str) -> None:
        with open(self._path, "rb") as staged:
            kept = storage.save(name, File(staged, name=name))
        if kept != name:  # another sender was quicker and the store gave us a second name
            storage.delete(kept)

    def abort(self) -> None:
        """Forget everything; safe to repeat, and after `finish` it does nothing."""
        try:
            self._file.close()
        except OSError:
            pass  # what could not be flushed is not wanted
        self._path.unlink(missing_ok=True)


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
        raise Unavailable("The file storage", f"it has lost {asset.sha256}.") from error
    except OSError:
        raise
    except Exception as error:  # of the library that speaks to a remote storage
        raise Unavailable("The file storage", f"it does not give a file ({type(error).__name__}).") from error


def read_asset(asset: Asset) -> bytes:
    """All bytes at once; for small files only."""
    with open_asset(asset) as file:
        return file.read()
