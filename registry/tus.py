"""tus 1.0 (https://tus.io/protocols/resumable-upload) for the files of an upload set: creation, termination, expiration.

The words of the protocol are here, its meaning in `actions/resumable.py`. A PATCH is answered by `asgi_uploads.py`, which
streams; everything else has no body and is an ordinary view.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import http_date

from portal.errors import BadRequest, PortalError
from registry.actions.resumable import find_resumable_upload, finish_resumable_upload, prolong
from registry.actions.uploads import check_open
from registry.models import Asset, ResumableUpload, UploadSet
from registry.resuming import Appending

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration"
CONTENT_TYPE = "application/offset+octet-stream"
#: characters of Upload-Metadata
LONGEST_METADATA = 4096


def check_version(headers: Mapping[str, str]) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise PortalError(f"This portal speaks tus {VERSION}; say so in Tus-Resumable.", code="TusVersion", status=412)


def whole_number(headers: Mapping[str, str], name: str) -> int:
    said = headers.get(name) or ""
    if not (said.isascii() and said.isdecimal() and len(said) < 19):
        raise BadRequest(f"{name} must be a whole number.", field=name)
    return int(said)


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """`Upload-Metadata: path bW9kZWw=,sha256 …` as a dict; a key without a value is an empty text."""
    said = headers.get("Upload-Metadata") or ""
    if len(said) > LONGEST_METADATA:
        raise BadRequest(f"Upload-Metadata has more than {LONGEST_METADATA} characters.", field="Upload-Metadata")
    found = {}
    for pair in filter(None, (part.strip() for part in said.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise BadRequest(f"Upload-Metadata: {key} is not base64 of text.", field="Upload-Metadata") from None
    return found


def standing(upload: ResumableUpload) -> dict[str, str]:
    """The headers that say where an upload stands."""
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.size),
        "Upload-Expires": http_date(upload.upload_set.expires_at.timestamp()),
        "Cache-Control": "no-store",
    }


def finished(upload: ResumableUpload, asset: Asset) -> dict[str, str]:
    known = "true" if getattr(asset, "already_stored", False) else "false"
    return {"Upload-Offset": str(upload.size), "X-Content-SHA256": asset.sha256, "X-Already-Stored": known}


def settle(*, user, upload: ResumableUpload) -> dict[str, str]:
    """Where it stands. What has all its bytes but was cut off before they were hashed is finished now."""
    if upload.asset_id is not None:
        return {**standing(upload), "X-Content-SHA256": upload.asset_id}
    if upload.offset != upload.size:
        return standing(upload)
    appending = Appending(upload, upload.size)
    try:
        asset = finish_resumable_upload(user=user, upload=upload, appending=appending)
    finally:
        appending.abort()
    return {**standing(upload), **finished(upload, asset)}


@dataclass(slots=True)
class Patch:
    """One PATCH: some bytes more. What can be refused is refused by `begin`, before the first of them."""

    user: object
    upload: ResumableUpload
    offset: int

    @classmethod
    def begin(cls, *, user, upload_set, said: str, headers: Mapping[str, str]) -> Patch:
        check_version(headers)
        if (headers.get("Content-Type") or "").strip().lower() != CONTENT_TYPE:
            raise PortalError(f"The Content-Type of a piece is {CONTENT_TYPE}.", code="UnsupportedMediaType", status=415)
        check_open(user=user, upload_set=upload_set)
        upload = find_resumable_upload(upload_set=upload_set, said=said)
        prolong(upload_set)
        return cls(user, upload, whole_number(headers, "Upload-Offset"))

    @property
    def upload_set(self) -> UploadSet:
        return self.upload.upload_set

    @property
    def is_done(self) -> bool:
        """All of it was here before this PATCH, which then has nothing to add."""
        return self.upload.asset_id is not None and self.offset == self.upload.size

    def open(self) -> Appending:
        """Raises Conflict (OffsetMismatch) when the upload stands elsewhere."""
        return Appending(self.upload, self.offset)

    def finish(self, appending: Appending) -> tuple[int, dict | None, dict[str, str]]:
        """(status, body, headers) of the answer, once the body of this PATCH is written."""
        headers = {"Tus-Resumable": VERSION}
        if appending.size < self.upload.size:
            return 204, None, {**headers, "Upload-Offset": str(appending.size)}
        asset = finish_resumable_upload(user=self.user, upload=self.upload, appending=appending)
        return 204, None, {**headers, **finished(self.upload, asset)}
