"""A build context as a stream: a tar written while it is sent, so that memory stays flat for a 5 GB model."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from deployments.builds.builders.base import BundleFile

CHUNK = 1 << 20

#: One moment for every file: the same bundle gives the same layer.
MOMENT = 1_600_000_000


def checked(path: str) -> str:
    """A bundle path that stays inside `app/` or `opt/modelport/`; anything else is our own mistake."""
    parts = PurePosixPath(path).parts
    inside = (parts[:1] == ("app",) and len(parts) > 1) or (parts[:2] == ("opt", "modelport") and len(parts) > 2)
    if not inside or path.startswith("/") or ".." in parts or "\0" in path or str(PurePosixPath(path)) != path:
        raise ValueError(f"not a bundle path: {path!r}")
    return path


def tar_stream(files: Iterable[BundleFile], check_cancelled: Callable[[], None], *, owner: int = 0, top: str = "") -> Iterator[bytes]:
    """The bytes of a tar with these files and their folders, those above `top` left out."""
    folders: set[str] = set()
    for file in files:
        for folder in reversed([str(parent) for parent in PurePosixPath(file.path).parents if str(parent) != "."]):
            if folder not in folders and folder.startswith(top):
                folders.add(folder)
                yield _header(folder, tarfile.DIRTYPE, 0, 0o755, owner)
        check_cancelled()
        yield _header(file.path, tarfile.REGTYPE, file.size, file.mode, owner)
        left = file.size
        with file.open() as source:
            while left and (chunk := source.read(min(CHUNK, left))):
                left -= len(chunk)
                check_cancelled()
                yield chunk
        if left:
            raise OSError(f"{file.path} is shorter than the {file.size} bytes recorded for it")
        if rest := file.size % tarfile.BLOCKSIZE:
            yield bytes(tarfile.BLOCKSIZE - rest)
    yield bytes(2 * tarfile.BLOCKSIZE)


def text_file(path: str, content: str | bytes, mode: int = 0o644) -> BundleFile:
    data = content.encode() if isinstance(content, str) else content

    def opened() -> BinaryIO:
        return io.BytesIO(data)

    return BundleFile(path, len(data), opened, mode)


def _header(path: str, kind: bytes, size: int, mode: int, owner: int) -> bytes:
    info = tarfile.TarInfo(path)
    info.type, info.size, info.mode, info.mtime = kind, size, mode, MOMENT
    info.uid = info.gid = owner
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
