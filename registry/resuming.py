"""A staging file that outlives the request: what arrived of a resumable upload stays until its set is over."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from portal.errors import Conflict, NotFound, PortalError
from registry.models import ResumableUpload
from registry.storage import Incoming, told_when_full


class Locked(PortalError):
    """Somebody else writes to the same upload at this moment; tus names the status."""

    status, code = 423, "UploadLocked"


def moved_on(offset: int) -> Conflict:
    return Conflict(f"This upload stands at byte {offset}. Ask where it stands and go on from there.", code="OffsetMismatch")


class Appending(Incoming):
    """Bytes that are added at `offset` of an upload.

    The lock is held for each piece and not in between, so a connection that died without a word keeps nobody out: whoever
    comes next writes on, and the dead one, should it wake, finds that the file has grown and stops.
    """

    def __init__(self, upload: ResumableUpload, offset: int) -> None:
        self._hash = hashlib.sha256()
        self._hashed_all = offset == 0
        self.path = upload.staging_path
        self._length = upload.size
        self.size = offset
        with told_when_full():
            self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
        there = os.fstat(self._file.fileno()).st_size
        if there != offset:
            self.abort()
            raise moved_on(there)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(_("Another connection is writing to this upload. Try again in a moment.")) from None
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _check_unmoved(self) -> None:
        status = os.fstat(self._file.fileno())
        if status.st_nlink == 0:
            raise NotFound(_("This upload was discarded, or another connection has finished it."))
        if status.st_size != self.size:
            raise moved_on(status.st_size)

    def append(self, data: bytes) -> None:
        """Raises Conflict when the upload has moved on without us, and InsufficientStorage when the disk is full."""
        if self.size + len(data) > self._length:
            raise Conflict(
                _("More bytes arrived than the %(length)s that were announced.") % {"length": self._length}, code="TooManyBytes", status=413
            )
        with self._locked(), told_when_full():
            self._check_unmoved()
            self._file.seek(self.size)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        self.size += len(data)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Alone with the complete file, hashed and synced; in the block, `keep` makes it an asset."""
        with self._locked():
            self._check_unmoved()
            if not self._hashed_all:
                self._file.seek(0)
                self._hash = hashlib.file_digest(self._file, "sha256")
                self._hashed_all = True
            with told_when_full():
                os.fsync(self._file.fileno())
            yield
            self.path.unlink(missing_ok=True)  # it was stored before, so nothing took it over

    def discard(self) -> None:
        """The bytes are not what was announced: the upload begins again."""
        self.path.unlink(missing_ok=True)

    def abort(self) -> None:
        """Close; what arrived stays."""
        self._file.close()
