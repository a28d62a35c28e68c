"""What the views that take files share: parsing into the staging folder, and a request's files as the actions want them."""

from __future__ import annotations

from rest_framework.parsers import BaseParser, JSONParser, MultiPartParser

from registry.actions.manifests import MOST_BYTES
from registry.uploads import BlobUploadHandler, read_small


class FilesMixin:
    """JSON or a multipart form; the files of a form are hashed and staged while they arrive."""

    parser_classes = [JSONParser, MultiPartParser]

    def initialize_request(self, request, *args, **kwargs):
        if request.method == "POST":
            request.upload_handlers = [BlobUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)


class RawParser(BaseParser):
    """The body as it comes; the view reads the stream."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        return stream


def text_of(given, field: str) -> tuple[str, bytes] | None:
    """(path, bytes) of a small text, from {path, content} or from a form's file."""
    if given is None:
        return None
    if isinstance(given, dict):
        return given["path"], given["content"].encode("utf-8", "surrogatepass")
    return given.name, read_small(given, MOST_BYTES[field])
