"""What this process may use: the container's limits and the cores it is pinned to, not what the host has."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Iterator, List

#: what the libraries that compute with threads read when they are imported
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")


#: cores that the platform has given us, where nothing on the machine says it
TOLD = "MODELPORT_CPUS"


def cpus(*, root: Path = Path("/")) -> float:
    """Cores that may be used at once; with a quota of half a core 0.5."""
    found: List[float] = [float(_pinned())]
    try:
        found.append(max(0.01, float(os.environ.get(TOLD, ""))))
    except ValueError:
        pass
    for folder in _groups(root):
        try:
            if (folder / "cpu.max").exists():  # version 2
                quota, period = (folder / "cpu.max").read_text().split()[:2]
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
            if quota not in ("max", "-1"):
                found.append(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return min(found)


def _pinned() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def _groups(root: Path) -> Iterator[Path]:
    """Our control group and those above it. In a container the path may be the host's: then only its end, the root, is there."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            top = root / "sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            top = root / "sys/fs/cgroup/cpu"
        else:
            continue
        here = top / path.strip("/")
        while True:
            yield here
            if here == top or top not in here.parents:
                break
            here = here.parent


def processes(asked: int) -> int:
    """How many processes score. Asked 0: one for each whole core."""
    return asked or max(1, math.floor(cpus()))


def cap_threads(processes: int, asked: int = 0) -> None:
    """Before the user's packages are imported: threads of each process. What is set already stays."""
    threads = asked or max(1, math.floor(cpus() / processes))
    for name in THREADS:
        if not os.environ.get(name):
            os.environ[name] = str(threads)
