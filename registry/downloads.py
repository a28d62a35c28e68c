"""Bytes on their way out: always as an attachment that no browser will run, and never whole in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from threading import Lock
from zipfile import ZIP_STORED

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.utils.http import content_disposition_header
from zipstream import ZipStream

from registry.models import Asset, ModelVersion
from registry.storage import open_asset

CHUNK = 2**20
JOINED = 2**18


def send_asset(request, asset: Asset, name: str) -> HttpResponse:
    """One file; `name` is what it is saved as. Answers 304 when the caller has it already."""
    etag = f'"{asset.sha256}"'
    asked = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
    if etag in asked:
        return _guarded(HttpResponseNotModified(headers={"ETag": etag}))
    response = send_chunks(request, _chunks(open_asset(asset)), name, "application/octet-stream")
    response["Content-Length"] = str(asset.size)
    response["ETag"] = etag
    return response


def send_image(request, asset: Asset, content_type: str, magic: bytes) -> HttpResponse:
    """A picture to be shown in a page, only when it begins as one does; anything else goes out as an attachment."""
    with open_asset(asset) as file:
        begins = file.read(len(magic)) == magic
    response = send_asset(request, asset, asset.sha256[:12])
    if begins and response.status_code == 200:
        response["Content-Type"] = content_type
        response["Content-Disposition"] = "inline"
    return response


def send_model_version(request, version: ModelVersion) -> HttpResponse:
    """The single file, or the folder as a zip. Not compressed: models hardly shrink, and so its length is known."""
    files = list(version.files.select_related("asset", "version"))
    if version.kind == ModelVersion.Kind.FILE:
        return send_asset(request, files[0].asset, version.root)
    archive = ZipStream(compress_type=ZIP_STORED, sized=True)
    for file in files:
        archive.add(_late(file.asset), file.app_path, size=file.asset.size)
    response = send_chunks(request, _joined(archive), f"{version.name}-{version.number}.zip", "application/zip")
    response["Content-Length"] = str(len(archive))
    return response


def _late(asset: Asset) -> Iterator[bytes]:
    """Opened only when its turn comes: a folder may have 10,000 files."""
    yield from _chunks(open_asset(asset))


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Small parts together: small files are three parts each, and each part that is sent costs a thread's turn."""
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= JOINED:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _chunks(file) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def send_chunks(request, chunks: Iterator[bytes], name: str, content_type: str) -> StreamingHttpResponse:
    """Bytes as an attachment, as they come: memory stays flat, whatever their number."""
    # Under ASGI Django would make a list of an ordinary iterator, and hold the whole file.
    request = getattr(request, "_request", request)
    content = _in_threads(chunks) if isinstance(request, ASGIRequest) else chunks
    response = StreamingHttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name.rsplit("/", 1)[-1])
    return _guarded(response)


async def _in_threads(chunks: Iterator[bytes]):
    turn = Lock()

    def following() -> bytes | None:
        with turn:
            return next(chunks, None)

    def close() -> None:
        # Who goes away while a chunk is read leaves a generator that runs, and Python refuses to close one.
        with turn:
            chunks.close()

    try:
        while (chunk := await asyncio.to_thread(following)) is not None:
            yield chunk
    finally:
        if hasattr(chunks, "close"):
            await asyncio.shield(asyncio.to_thread(close))


def _guarded(response):
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-cache"
    return response
