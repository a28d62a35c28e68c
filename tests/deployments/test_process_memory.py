"""Processes that were forked from a loaded one do not count what they share several times."""

from __future__ import annotations

import os
import subprocess
import sys

from deployments.targets.process_child import exact_memory_of, memory_of

HELD = 80 * 2**20
FORKS = f"""
import os, sys, time
held = os.urandom({HELD})
for _ in range(2):
    if not os.fork():
        time.sleep(60)
        os._exit(0)
print("ready", flush=True)
time.sleep(60)
"""


def test_shared_memory_counts_once():
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", FORKS], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout.readline() == b"ready\n"
        assert memory_of(process.pid) > 3 * HELD
        assert HELD < exact_memory_of(process.pid) < 1.5 * HELD
    finally:
        os.killpg(process.pid, 9)
        process.communicate()
