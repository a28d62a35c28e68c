"""Files on their way to the portal and back: hashed, streamed, never whole in memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Union
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile

from .errors import ClientError
from .resuming import LARGE, PASSING, find_stopped, send_large

if TYPE_CHECKING:
    from .portal import Portal

CHUNK = 2**20
#: files up to this many bytes share a request, this many of them and this many bytes at most
SMALL, TOGETHER, TOGETHER_BYTES = 2**18, 200, 8 * 2**20
#: a file or folder of this machine
Given = Union[str, "os.PathLike[str]"]
#: (the path it gets, where it lies here)
Found = tuple[str, Path]
#: told after each file: its path and its size in bytes
OnFile = Callable[[str, int], None]


def existing(given: Given, field: str) -> Path:
    """The path, if something lies there."""
    if "://" in str(given):
        raise fault(field, f"{given} is an address. Download it and give the file.")
    path = Path(given).expanduser()
    if not path.exists():
        raise fault(field, f"There is no file or folder {given}.")
    return path


def fault(field: str, message: str) -> ClientError:
    """A refusal before anything was sent, in the portal's shape."""
    return ClientError("BadRequest", message, [{"code": "Invalid", "message": message, "field": field}])


def files_of(given: Given, field: str = "files", prefix: str | None = None) -> list[Found]:
    """A file under its own name, or the files of a folder under the folder's; `prefix` says another name."""
    path = existing(given, field)
    top = prefix or path.resolve().name
    if path.is_file():
        return [(_said(top, field), path)]
    found = sorted(each for each in path.rglob("*") if each.is_file())
    if not found:
        raise fault(field, f"The folder {given} holds no files.")
    return [(_said(f"{top}/{each.relative_to(path).as_posix()}", field), each) for each in found]


def _said(path: str, field: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise fault(field, f"{path!r}: the name is not text. Rename the file.") from None
    return path


def beside(given: Given, driver: Path, field: str = "files") -> list[Found]:
    """Files at the paths they have beside score.py; what lies elsewhere comes under its own name."""
    path = existing(given, field).resolve()
    home = driver.resolve().parent
    return files_of(path, field, path.relative_to(home).as_posix() if home in path.parents else None)


@contextmanager
def upload_set(portal: Portal, files: Sequence[Found], on_file: OnFile | None = None, *, resume: bool = False) -> Iterator[str | None]:
    """The id of an upload set with these files (None without files); `resume` goes on with one that stopped.

    What the portal refuses is deleted. What a lost connection or Ctrl-C stopped is kept for a day.
    """
    if not files:
        yield None
        return
    stopped = find_stopped(portal, files) if resume else None
    opened = stopped["id"] if stopped else portal.transport.write("POST", portal.path("uploads"))["id"]
    there = {file["path"]: file["sha256"] for file in stopped["files"]} if stopped else {}
    try:
        for path, size in _send_all(portal, opened, files, there):
            if on_file:
                on_file(path, size)
        yield opened
    except BaseException as error:
        if not _worth_keeping(portal, opened, error):
            try:
                portal.transport.write("DELETE", portal.path("uploads", opened))
            except ClientError:
                pass  # it expires by itself; the first error is the one to tell
        raise


def _worth_keeping(portal: Portal, opened: str, error: BaseException) -> bool:
    """Whether going on later makes sense: it was stopped and not refused, and something has arrived."""
    if isinstance(error, ClientError) and error.status not in PASSING:
        return False
    try:
        found = portal.transport.read(portal.path("uploads", opened))
    except ClientError:
        return True
    return bool(found["files"] or found["unfinished"])


def send(portal: Portal, upload_set: str, path: str, source: Path, there: str | None = None) -> int:
    """Streams one file; the portal keeps nothing unless the bytes hash to what they hash to here. The size in bytes.

    `there` is the SHA-256 of what the portal has at this path already; the same is not sent again.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(source):
        digest.update(chunk)
        size += len(chunk)
    sha256 = digest.hexdigest()
    if sha256 == there:
        return size
    if size > LARGE:
        send_large(portal, upload_set, path, source, size=size, sha256=sha256)
    else:
        address = portal.path("uploads", upload_set, "files") + quote(path, safe="/")
        portal.transport.put(address, _chunks(source), size=size, headers={"X-Content-SHA256": sha256})
    return size


def _send_all(portal: Portal, upload_set: str, files: Sequence[Found], there: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """(path, size in bytes) of each file once it is there."""
    for batch in _batches(files):
        if len(batch) > 1:
            yield from send_together(portal, upload_set, batch, there)
        else:
            ((path, source),) = batch
            yield path, send(portal, upload_set, path, source, there.get(path))


def _batches(files: Sequence[Found]) -> Iterator[list[Found]]:
    """Small files that share a request, and each larger one by itself."""
    batch: list[Found] = []
    held = 0
    for path, source in files:
        size = source.stat().st_size
        if size > SMALL:
            yield [(path, source)]
            continue
        if len(batch) == TOGETHER or held + size > TOGETHER_BYTES:
            yield batch
            batch, held = [], 0
        batch.append((path, source))
        held += size
    if batch:
        yield batch


def send_together(portal: Portal, upload_set: str, batch: Sequence[Found], there: Mapping[str, str]) -> list[tuple[str, int]]:
    """`send` for small files in one request: all are kept, or none. [(path, size in bytes)]"""
    sizes, fresh = [], []
    for path, source in batch:
        data = b"".join(_chunks(source))
        sha256 = hashlib.sha256(data).hexdigest()
        sizes.append((path, len(data)))
        if sha256 != there.get(path):
            fresh.append((path, sha256, data))
    if fresh:
        portal.transport.form(
            portal.path("uploads", upload_set, "files"),
            words={"paths": [path for path, _, _ in fresh], "sha256": [sha256 for _, sha256, _ in fresh]},
            files=[("files", ("file", data, "application/octet-stream")) for _, _, data in fresh],
        )
    return sizes


def _chunks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise fault("files", f"{source} cannot be read: {error.strerror}.") from error


def receive(portal: Portal, address: str, place: Path, sha256: str) -> Path:
    """Streams one file to `place`; it appears there only when it is whole and hashes to `sha256`."""
    with portal.transport.stream(address) as chunks:
        return _keep(chunks, place, sha256)


def receive_together(portal: Portal, address: str, places: Mapping[str, tuple[Path, str]]) -> None:
    """`receive` for the files of a zip, in one request: {its name there: (place, sha256)}. The zip itself is gone afterwards."""
    with tempfile.TemporaryFile() as archive:
        with portal.transport.stream(address) as chunks:
            for chunk in chunks:
                archive.write(chunk)
        try:
            with ZipFile(archive) as found:
                for name, (place, sha256) in places.items():
                    with found.open(name) as file:
                        _keep(iter(partial(file.read, CHUNK), b""), place, sha256)
        except (BadZipFile, KeyError) as error:
            raise ClientError("DigestMismatch", "The folder did not arrive whole. Download it again.") from error


def _keep(chunks: Iterable[bytes], place: Path, sha256: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, arriving = tempfile.mkstemp(prefix=f".{place.name[:40]}.", dir=place.parent)
    digest = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            raise ClientError("DigestMismatch", f"{place.name} did not arrive whole. Download it again.")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(arriving, 0o666 & ~umask)
        os.replace(arriving, place)
    except BaseException:
        Path(arriving).unlink()
        raise
    return place


def inside(folder: Path, path: str) -> Path:
    """`path` below `folder`. The portal's word is not enough for a place on this machine."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or ".." in parts or (os.name == "nt" and ":" in path):
        raise ClientError("UnexpectedAnswer", f"The portal named a file {path!r}, which is no place to write to.")
    return folder.joinpath(*parts)
