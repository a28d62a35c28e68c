"""The one shape of an error at the REST door: `{code, message, statusCode, requestId, details}`."""

from __future__ import annotations

import errno
import logging

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import DatabaseError
from django.db.models import ProtectedError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from portal.errors import PortalError
from portal.middleware import current_request_id

log = logging.getLogger(__name__)


def envelope(code: str, message: str, status: int, details: list | None = None) -> dict:
    return {"code": code, "message": message, "statusCode": status, "requestId": current_request_id.get(), "details": details or []}


def _flatten(found, field: str = "") -> list[dict]:
    """DRF's nested detail -> [{code, message, field}]; a nested field is `models.0.name`."""
    if isinstance(found, dict):
        return [
            line
            for key, value in found.items()
            for line in _flatten(value, f"{field}.{key}".strip(".") if key != "non_field_errors" else field)
        ]
    if isinstance(found, list):
        lines = []
        for index, value in enumerate(found):
            lines += _flatten(value, f"{field}.{index}" if isinstance(value, dict) else field)
        return lines
    return [{"code": str(getattr(found, "code", "Invalid")).title().replace("_", ""), "message": str(found), "field": field}]


def _on_the_wire(field: str) -> str:
    """`allowed_origins` as REST spells it: allowedOrigins."""
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)


def field_errors(error: ValidationError) -> list[dict]:
    """Django's ValidationError -> [{code, message, field}], fields in the wire's spelling."""
    per_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return [
        {"code": "Invalid", "message": message, "field": "" if field == "__all__" else _on_the_wire(field)}
        for field, messages in per_field.items()
        for message in messages
    ]


def _one_sentence(details: list[dict]) -> str:
    if not details:
        return "The request cannot be used."
    first = details[0]
    text = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return text if len(details) == 1 else f"{text} (and {len(details) - 1} more)"


def describe(error: Exception) -> dict | None:
    """The envelope of an error we know, else None (a fault of ours)."""
    if isinstance(error, PortalError):
        return envelope(error.code, error.message, error.status, error.details)
    if isinstance(error, ValidationError):
        details = field_errors(error)
        return envelope("BadRequest", _one_sentence(details), 400, details)
    if isinstance(error, ProtectedError):
        users = ", ".join(sorted({str(row) for row in list(error.protected_objects)[:5]}))
        return envelope("InUse", f"It is in use by {users} and cannot be deleted.", 409)
    if isinstance(error, Http404):
        return envelope("NotFound", "There is no such thing, or you may not see it.", 404)
    if isinstance(error, RequestDataTooBig):
        return envelope("TooLarge", "The request body is too large. Upload files through an upload set.", 413)
    if isinstance(error, SuspiciousOperation):  # too many files or fields, a host name that is not ours
        return envelope("BadRequest", str(error) or "The request cannot be used.", 400)
    if isinstance(error, PermissionDenied):
        return envelope("NotAllowed", str(error) or "You may not do this.", 403)
    if isinstance(error, exceptions.ValidationError):
        details = _flatten(error.detail)
        return envelope("BadRequest", _one_sentence(details), 400, details)
    if isinstance(error, exceptions.APIException):
        code = {
            401: "Unauthenticated",
            403: "NotAllowed",
            404: "NotFound",
            405: "MethodNotAllowed",
            406: "NotAcceptable",
            415: "UnsupportedMediaType",
        }
        return envelope(code.get(error.status_code, "BadRequest"), str(error.detail), error.status_code)
    if is_full_disk(error):
        return envelope("InsufficientStorage", _("The portal's disk is full. Nothing was kept; ask whoever runs it to make room."), 507)
    return None


def is_full_disk(error: BaseException | None) -> bool:
    """Whether files or the database have no more room: in the words of the system, SQLite and PostgreSQL."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, DatabaseError) and any(words in str(error) for words in ("disk is full", "No space left on device")):
            return True
        error = error.__cause__
    return False


def handle(error: Exception, context: dict) -> Response:
    """DRF's exception handler."""
    body = describe(error)
    if body is None:
        log.exception("a fault of ours", exc_info=error)
        body = envelope("InternalServerError", "Something broke on our side. Nothing was changed.", 500)
    set_rollback()
    headers = dict(error.headers) if isinstance(error, PortalError) else {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait) + 1)
    elif body["statusCode"] == 503:
        headers["Retry-After"] = "5"
    return Response(body, status=body["statusCode"], headers=headers)


def json_error(error: Exception) -> JsonResponse:
    """The same shape for the few JSON views that are not DRF's."""
    body = describe(error) or envelope("InternalServerError", "Something broke on our side. Nothing was changed.", 500)
    return JsonResponse(body, status=body["statusCode"])
