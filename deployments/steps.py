"""The named steps of an operation: their rows, their logs, and the way to stop them at once.

A `Journal` belongs to one attempt at one operation. A thread of it beats the
heartbeat and looks for a cancellation twice a second; whatever blocks meanwhile
(a container, a child process) is stopped through `on_cancel`.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from deployments.builds.builders.base import Cancelled
from deployments.models import Operation, OperationStep
from deployments.steplog import COLOUR, decoded, plain, stamped

log = logging.getLogger(__name__)
HEARTBEAT, LOOK = 5.0, 0.5
#: a step's log stops growing here and says so: more than 100,000 ordinary lines
MOST_LOG_BYTES = 16 * 2**20
#: escape sequences and control characters; the colours, which are kept, are the first group
_CONTROL = re.compile(rf"({COLOUR.pattern})|\x1b\[[0-9;?<=>]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")


def step_log_path(step: OperationStep) -> Path:
    return settings.OPERATION_DIR / str(step.operation_id) / f"{step.order:02d}-{step.name}.log"


def last_lines(operation: Operation, count: int = 30) -> list[str]:
    """The end of the newest step's log."""
    step = operation.steps.order_by("-order").first()
    path = step_log_path(step) if step else None
    if not path or not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64 * 1024))
        return [plain(line) for line in decoded(file.read().rpartition(b"\n")[0])[-count:]]


class Journal:
    """Implements `builders.base.Report`; use it as a context manager around the work."""

    def __init__(self, operation: Operation):
        self.operation = operation
        self.cancelled = threading.Event()
        self._done = threading.Event()
        self._acts: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._file = None
        self._written = 0
        self._last = ""
        self._thread = threading.Thread(target=self._watch, name=f"heartbeat-{operation.pk}", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self._done.set()
        self._thread.join(timeout=30)

    def _watch(self) -> None:
        last_beat = 0.0
        try:
            while not self._done.wait(LOOK):
                last_beat += LOOK
                try:
                    if last_beat >= HEARTBEAT:
                        alive, last_beat = self.operation.beat(), 0.0
                    else:
                        alive = Operation.objects.filter(
                            pk=self.operation.pk, state=Operation.State.RUNNING, fence=self.operation.fence
                        ).exists()
                except Exception:
                    # The database may be away for a moment; the lease decides whether that was too long.
                    log.warning("operation %s: the heartbeat could not be written", self.operation.pk, exc_info=True)
                    connection.close()
                    continue
                if not alive:
                    self._stop_everything()
                    return
        finally:
            connection.close()

    def _stop_everything(self) -> None:
        with self._lock:
            self.cancelled.set()
            acts = list(self._acts)
        for act in acts:
            self._run(act)

    @staticmethod
    def _run(act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            log.warning("stopping a cancelled step failed", exc_info=True)

    # --- Report ---------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        if self._file is None:
            return
        self._last = text.strip()
        for part in _CONTROL.sub(lambda found: found[1] or "", text.rstrip("\n")).split("\n"):
            data = stamped(part, datetime.now(UTC))
            if self._written + len(data) > MOST_LOG_BYTES:
                if self._written <= MOST_LOG_BYTES:
                    self._file.write(stamped("... the log is longer than 16 MiB; the rest is left out", datetime.now(UTC)))
                    self._written = MOST_LOG_BYTES + 1
                return
            self._written += len(data)
            self._file.write(data)
        self._file.flush()

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled

    @contextmanager
    def on_cancel(self, act: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._acts.append(act)
            late = self.cancelled.is_set()
        if late:
            self._run(act)
        try:
            yield
        except Exception:
            # Whatever broke because the act pulled the floor away is the cancellation.
            self.check_cancelled()
            raise
        finally:
            with self._lock:
                self._acts.remove(act)
        self.check_cancelled()

    # --- steps ----------------------------------------------------------------------------------

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[OperationStep]:
        """A row and a log file for what happens inside; `step.note` and `step.state = SKIPPED` may be set."""
        self.check_cancelled()
        order = (self.operation.steps.aggregate(last=Max("order"))["last"] or 0) + 1
        step = OperationStep.objects.create(operation=self.operation, order=order, name=name, title=title, attempt=self.operation.attempts)
        path = step_log_path(step)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._written = 0
        with path.open("ab") as self._file:
            try:
                yield step
                self.check_cancelled()
            except BaseException as error:
                step.state = OperationStep.State.CANCELLED if isinstance(error, Cancelled) else OperationStep.State.FAILED
                message = getattr(error, "message", "") or (type(error).__name__ if not isinstance(error, Cancelled) else "Cancelled.")
                if message != self._last:
                    self.line(message)
                raise
            else:
                if step.state == OperationStep.State.RUNNING:
                    step.state = OperationStep.State.SUCCEEDED
            finally:
                step.ended_at = timezone.now()
                step.note = step.note[:300]
                step.save(update_fields=["state", "ended_at", "note"])
        self._file = None
