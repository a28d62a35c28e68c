"""How the web server is run, for the supervisor and for tests that measure it."""

from __future__ import annotations

import sys

#: Bytes that the server reads from a connection before it hands them on. It grows to that only while so much arrives, and bounds a
#: request's head too. With granian's own 408 KiB an upload costs half as much processor again (docs/performance.md); with 4 MiB more
#: than with one, since each read then has fresh memory.
READ_BYTES = 2**20

SERVER = (sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--http1-buffer-size", str(READ_BYTES))
