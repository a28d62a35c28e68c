"""supervisord that goes on while the disk with the logs is full: lines that cannot be written are lost, and nothing else.

By itself it tells a failed write on its own error output. That lies on the same disk, so it would end, and with it the whole portal.
"""

from __future__ import annotations

from contextlib import suppress

from supervisor import loggers, supervisord


class Patient(loggers.RotatingFileHandler):
    """What has no room stays in the file's small buffer, and is tried again with the next line."""

    def emit(self, record) -> None:
        with suppress(OSError):
            super().emit(record)

    def handleError(self) -> None: ...


if __name__ == "__main__":
    loggers.RotatingFileHandler = Patient
    loggers.Handler.handleError = Patient.handleError
    supervisord.main()
