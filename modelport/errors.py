"""What goes wrong, in the portal's own shape."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """A refusal of the portal, the gateway or a service, or a fault of the connection.

    `code` is stable (docs/errors.md of the portal), `message` is one sentence for people, `details` a list of
    {code, message, field}. `status` is the HTTP status, 0 when no answer came. `request_id` finds it in the portal's log.
    """

    def __init__(self, code: str, message: str, details: list | None = None, status: int = 0, request_id: str = ""):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or []
        self.status = status
        self.request_id = request_id

    def as_dict(self) -> dict[str, Any]:
        """The wire shape."""
        return {
            "code": self.code,
            "message": self.message,
            "statusCode": self.status,
            "requestId": self.request_id,
            "details": self.details,
        }


class OperationFailed(ClientError):
    """An operation ended as Failed or Cancelled.

    `fault` is "yours" or "ours"; `file` and `line` name what to change when that is known; `lines` are the log's last 30.
    """

    def __init__(self, operation: dict[str, Any]):
        error = operation.get("error") or {}
        message = error.get("message") or f"{operation['label']}: {operation['state'].lower()}."
        super().__init__(error.get("code") or operation["state"], message)
        self.operation = operation
        self.fault: str = error.get("fault") or ""
        self.file: str = error.get("file") or ""
        self.line: int | None = error.get("line")
        self.lines: list[str] = error.get("lines") or []

    def as_dict(self) -> dict[str, Any]:
        more = {"operation": self.operation["id"], "fault": self.fault, "file": self.file, "line": self.line, "lines": self.lines}
        return {**super().as_dict(), **more}
