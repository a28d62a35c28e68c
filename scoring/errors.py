"""What the runtime refuses or fails with, and the one shape it is told in."""

from __future__ import annotations

from typing import Any, Dict, List, Optional


class SchemaError(Exception):
    """The file is not a schema; `pointer` is the JSON pointer of the part that is wrong ("" = the whole file)."""

    def __init__(self, message: str, pointer: str = ""):
        super().__init__(message)
        self.message, self.pointer = message, pointer


class DriverFailed(Exception):
    """The user's files cannot be served; `message` names the file, the line and the cure where they are known.

    `traceback` is the user's own, without the runtime's frames.
    """

    def __init__(self, message: str, traceback: str = ""):
        super().__init__(message)
        self.message, self.traceback = message, traceback


class Said(Exception):
    """Raised by user code to answer with a status and a message of its own (`shims.exceptions`)."""

    status_code = 500

    def __init__(self, message: Any = ""):
        super().__init__(message)
        self.message = str(message)


class RequestError(Exception):
    """A request that is answered with an error: `status`, `code`, one sentence, `details` [{code, message, pointer}]."""

    status = 500
    code = "InternalServerError"

    def __init__(
        self,
        message: str,
        *,
        details: Optional[List[Dict[str, str]]] = None,
        headers: Optional[Dict[str, str]] = None,
        status: Optional[int] = None,
        code: Optional[str] = None,
    ):
        super().__init__(message)
        self.message = message
        self.details = details or []
        self.headers = headers or {}
        self.status = status or self.status
        self.code = code or self.code

    def document(self, request_id: str) -> Dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "statusCode": self.status,
            "requestId": request_id,
            "details": self.details,
        }


class BadInput(RequestError):
    status, code = 400, "BadInput"


class BadRequest(RequestError):
    """Not HTTP as it should be."""

    status, code = 400, "BadRequest"


class Forbidden(RequestError):
    status, code = 403, "Forbidden"


class NotFound(RequestError):
    status, code = 404, "NotFound"


class MethodNotAllowed(RequestError):
    status, code = 405, "MethodNotAllowed"

    def __init__(self, allow: str):
        super().__init__(f"Use {allow} here.", headers={"allow": allow})


class NotAcceptable(RequestError):
    status, code = 406, "NotAcceptable"


class TooSlow(RequestError):
    status, code = 408, "RequestTimeout"


class TooLarge(RequestError):
    status, code = 413, "TooLarge"


class UnsupportedType(RequestError):
    status, code = 415, "UnsupportedMediaType"


class HeadersTooLarge(RequestError):
    status, code = 431, "HeadersTooLarge"


class Busy(RequestError):
    """Not now: the answer carries Retry-After."""

    status, code = 503, "Busy"

    def __init__(self, message: str, *, code: Optional[str] = None, retry_after: int = 1):
        super().__init__(message, code=code, headers={"retry-after": str(retry_after)})


class TimedOut(RequestError):
    status, code = 504, "Timeout"
