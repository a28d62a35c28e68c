"""May a loaded process be copied? And how a process starts itself again, when it may not.

A copy has one thread, the one that forked. What other threads were doing, and what sockets and child processes
are in the middle of, two processes cannot both go on with.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from typing import Any, List, Set, Tuple

#: seconds that a thread is given to be gone
PATIENCE = 0.5
#: threads that see to it themselves that a copy works: the memory allocator in pyarrow, which pandas imports
HARMLESS = {"jemalloc_bg_thd"}


def sockets() -> Set[str]:
    """Those of this process, as the system calls them; empty where it does not say."""
    found = set()
    try:
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            if target.startswith("socket:"):
                found.add(target)
    except OSError:
        pass
    return found


def refusal(driver: Any, known: Set[str]) -> str:
    """Why this process, with the model loaded, cannot be copied; "" when it can. `known`: the sockets there were before."""
    if not sys.platform.startswith("linux"):
        return "this system does not say what a process holds"
    if driver.has_loop:
        return "init() or its packages use an event loop"
    names = _threads()
    if names:
        return "threads are running (" + ", ".join(sorted(set(names))[:3]) + ")"
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            if file.read().strip():
                return "init() has started another process"
    except OSError:
        pass
    torch = sys.modules.get("torch")
    if torch is not None and getattr(torch, "cuda", None) is not None and torch.cuda.is_initialized():
        return "CUDA is in use"
    return "init() has opened a connection" if sockets() - known else ""


def _threads() -> List[str]:
    """Names of all threads but ours, those of libraries too."""
    deadline = time.monotonic() + PATIENCE
    while True:
        names = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
        for number in os.listdir("/proc/self/task"):
            if int(number) != os.getpid():
                try:
                    with open(f"/proc/self/task/{number}/comm") as file:
                        names.append(file.read().strip())
                except OSError:
                    continue
        names = [name for name in names if name not in HARMLESS]
        if not names or time.monotonic() > deadline:
            return names
        time.sleep(0.01)


def freeze() -> None:
    """What is there stays for good: the collector leaves it alone, so that copies go on sharing its memory."""
    gc.collect()
    gc.freeze()


def after_fork() -> None:
    """In the copy: as separately started processes have, random numbers of its own. Python sees to its own module itself."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


class Origin:
    """How this process was started, to start it again. The environment still has what is taken out later."""

    def __init__(self) -> None:
        self.folder, self.environ = os.getcwd(), dict(os.environ)
        self.command = _command()

    def again(self, **environ: str) -> None:
        """In our place, with these variables besides. Does not return."""
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir(self.folder)
        os.execve(sys.executable, self.command, {**self.environ, **environ})


def _command() -> List[str]:
    given: Tuple[str, ...] = tuple(getattr(sys, "orig_argv", ()))  # Python 3.10
    if not given:
        try:
            with open("/proc/self/cmdline", "rb") as file:
                given = tuple(part.decode("utf-8", "surrogateescape") for part in file.read().split(b"\0")[:-1])
        except OSError:
            given = (sys.executable, *sys.argv)
    return [sys.executable, *given[1:]]
