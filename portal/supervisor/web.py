"""How the web server is run, for the supervisor and for tests that measure it."""

from __future__ import annotations

import ctypes
import sys

#: Bytes that the server reads from a connection before it hands them on. It grows to that only while so much arrives, and bounds a
#: request's head too. With granian's own 408 KiB an upload costs half as much processor again (docs/performance.md); with 4 MiB more
#: than with one, since each read then has fresh memory.
READ_BYTES = 2**20

#: glibc gives memory of a mebibyte back to the system at every turn, and asks for it again for the next piece of an upload. Kept up
#: to 16 MiB, it spares a tenth of what receiving costs; another C library does not read these.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(8 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20)}

SERVER = (sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--http1-buffer-size", str(READ_BYTES))


def end_with_parent(signal_number: int) -> None:
    """Linux sends this process the signal when the one that started it is gone, however it went."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
