"""A build report for commands: it talks to the console and is never cancelled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext


class ConsoleReport:
    """Implements `builders.base.Report`; `say` is given each line."""

    def __init__(self, say: Callable[[str], None]):
        self.line = say

    def check_cancelled(self) -> None: ...

    def on_cancel(self, act: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()
