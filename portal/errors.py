"""The errors an action, a target or a builder may raise, and what they become at the doors.

One shape everywhere: `{code, message, statusCode, requestId, details}`. REST maps
these in `portal.api.errors`, HTML in `frontend.views.base`.
"""

from __future__ import annotations

from portal.told import Told, in_words, told


class PortalError(Exception):
    """A refusal or a fault with a stable `code`, an HTTP status and one sentence for people.

    `details` is a list of `{"code", "message", "field"}`; `headers` go with the answer over REST.
    """

    status = 500
    code = "InternalServerError"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        details: list[dict] | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(message)
        #: as it was raised; `message` is in the language of whoever reads it
        self.told: str = message
        self.code = code or self.code
        self.status = status or self.status
        self.details = details or []
        self.headers = headers or {}

    @property
    def message(self) -> str:
        return in_words(self.told) if isinstance(self.told, Told) else self.told


class BadRequest(PortalError):
    """What was sent cannot be used; `field` names which part of it."""

    status, code = 400, "BadRequest"

    def __init__(self, message: str, *, field: str = "", **kwargs):
        if field and "details" not in kwargs:
            kwargs["details"] = [{"code": "Invalid", "message": message, "field": field}]
        super().__init__(message, **kwargs)


class NotAllowed(PortalError):
    """Visible, but not theirs to change."""

    status, code = 403, "NotAllowed"


class NotFound(PortalError):
    """Not there, or not visible: the two look the same on purpose."""

    status, code = 404, "NotFound"


class Conflict(PortalError):
    """In use, taken, or of two groups."""

    status, code = 409, "Conflict"


class IllegalMove(Conflict):
    """A state machine was asked for a step it does not have."""

    code = "IllegalMove"


class PreconditionFailed(PortalError):
    """It is not what the caller said it must be: somebody changed it since."""

    status, code = 412, "PreconditionFailed"


class TooLarge(PortalError):
    status, code = 413, "TooLarge"


class InsufficientStorage(PortalError):
    status, code = 507, "InsufficientStorage"


class NotReady(PortalError):
    """Not yet: try again."""

    status, code = 503, "NotReady"


class Unavailable(PortalError):
    """An outside system did not answer: our fault, tried again before it is said."""

    status, code = 503, "Unavailable"

    def __init__(self, system: str, detail: str, **kwargs):
        super().__init__(told("%(system)s did not answer: %(detail)s", system=system, detail=detail), **kwargs)
        self.system, self.detail = system, detail
