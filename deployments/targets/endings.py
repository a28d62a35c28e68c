"""Why a replica ended, in one sentence, the same words on every target."""

from __future__ import annotations

from deployments.lines import memory_text
from portal.told import told

#: exit codes that have a meaning beyond "it ended"
_EXITS = {
    3: told("init() failed: its traceback is in the log (exit code 3)"),
    137: told("Killed (SIGKILL)"),
    139: told("Crashed in compiled code (segmentation fault)"),
    143: told("Stopped (SIGTERM)"),
}


def ending(code: int | None, *, out_of_memory: bool = False, memory: int = 0, error: str = "") -> str:
    if out_of_memory:
        return told("Killed: out of memory (limit %(memory)s)", memory=memory_text(memory))
    if error:
        return error[:300]
    if code is None:
        return told("Ended without a word: it was killed together with its supervisor, or the machine was restarted")
    return _EXITS.get(code) or told("Ended by itself with exit code %(code)s", code=code)
