"""Why a replica ended, in one sentence, the same words on every target."""

from __future__ import annotations

from deployments.lines import memory_text

#: exit codes that have a meaning beyond "it ended"
_EXITS = {
    3: "init() failed: its traceback is in the log (exit code 3)",
    137: "Killed (SIGKILL)",
    139: "Crashed in compiled code (segmentation fault)",
    143: "Stopped (SIGTERM)",
}


def ending(code: int | None, *, out_of_memory: bool = False, memory: int = 0, error: str = "") -> str:
    if out_of_memory:
        return f"Killed: out of memory (limit {memory_text(memory)})"
    if error:
        return error[:300]
    if code is None:
        return "Ended without a word: it was killed together with its supervisor, or the machine was restarted"
    return _EXITS.get(code, f"Ended by itself with exit code {code}")
