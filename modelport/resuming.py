"""Large files in pieces (tus 1.0): a broken connection costs what was on the wire, and an upload goes on where it stopped."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ClientError

if TYPE_CHECKING:
    from .portal import Portal

#: files above this many bytes are sent in pieces that survive
LARGE = 8 * 2**20
CHUNK = 2**20
TUS = {"Tus-Resumable": "1.0.0"}
#: seconds between tries that brought nothing; then it is given up, and --resume goes on later
WAITS = (0.5, 1, 2, 5, 10, 20)
#: refusals after which it is asked where the upload stands, and gone on from there
PASSING = (0, 408, 409, 423, 429, 500, 502, 503, 504)


def send_large(portal: Portal, upload_set: str, path: str, source: Path, *, size: int, sha256: str) -> None:
    """Sends what the portal does not have of the file yet. Raises ClientError when nothing more arrives."""
    said = {"path": path, "sha256": sha256, "modified": str(int(source.stat().st_mtime * 1000))}
    metadata = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    begun = portal.transport.ask("POST", portal.path("uploads", upload_set, "resumable"), headers)
    address = portal.path("uploads", upload_set, "resumable") + begun.json()["id"]
    offset, tries = int(begun.headers["Upload-Offset"]), 0
    while "X-Content-SHA256" not in begun.headers:
        try:
            begun = portal.transport.piece(address, _rest(source, offset), offset=offset, size=size - offset, headers=TUS)
            continue
        except ClientError as error:
            if error.status not in PASSING:
                raise
            failure = error
        before = offset
        while True:
            if tries == len(WAITS):
                raise failure
            time.sleep(WAITS[tries])
            tries += 1
            try:
                begun = portal.transport.ask("HEAD", address, TUS)
                break
            except ClientError as error:
                if error.status not in PASSING:
                    raise
                failure = error
        offset = int(begun.headers["Upload-Offset"])
        tries = 0 if offset > before else tries


def _rest(source: Path, offset: int) -> Iterator[bytes]:
    with source.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK):
            yield chunk


def find_stopped(portal: Portal, files: Sequence[tuple[str, Path]]) -> dict[str, Any] | None:
    """The newest of one's own open upload sets that holds nothing but (parts of) these files; None without one."""
    sizes = {path: source.stat().st_size for path, source in files}
    for summary in portal.transport.read(portal.path("uploads")):
        found = portal.transport.read(portal.path("uploads", summary["id"]))
        begun = [*found["files"], *found["unfinished"]]
        if begun and all(sizes.get(file["path"]) == file["size"] for file in begun):
            return found
    return None
