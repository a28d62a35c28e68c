"""One server process: started, asked, measured with wrk, stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from .environments import expected, records
from .peers import Peer

LUA = Path(__file__).resolve().parent / "post.lua"
READY_SECONDS = 90


class Failed(Exception):
    """The server cannot be measured; the text says why."""


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def holds(answer: object, wanted: list) -> bool:
    """Are the predictions anywhere in the answer? Each server wraps them in its own way."""
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except ValueError:
            return False
    if isinstance(answer, list):
        flat = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in answer]
        return flat == wanted or any(holds(each, wanted) for each in answer if isinstance(each, (list, dict)))
    return isinstance(answer, dict) and any(holds(each, wanted) for each in answer.values())


class Server:
    """A running peer. `seconds_to_answer` is from the start of the process to the first right answer."""

    def __init__(self, peer: Peer, workers: int, folder: Path):
        self.peer, self.workers = peer, workers
        self.port, *others = free_ports(3)
        filled = {"port": self.port, "port2": others[0], "port3": others[1], "workers": workers}
        self.bodies = {}
        for rows in (1, 1000):
            self.bodies[rows] = folder / f"{peer.name}-{rows}.json"
            self.bodies[rows].write_text(peer.body(records(rows)))
        self.log = folder / f"{peer.name}-{workers}.log"
        environ = {name: value.format(**filled) for name, value in peer.variables.items()}
        started = time.perf_counter()
        with open(self.log, "wb") as log:
            self.process = psutil.Popen(
                [part.format(**filled) for part in peer.command],
                env=environ,
                cwd=peer.cwd or folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait()
            self.seconds_to_answer = time.perf_counter() - started
            self._check(1000)
        except BaseException:
            self.stop()
            raise

    def _ask(self, rows: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", self.peer.path, self.bodies[rows].read_bytes(), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _wait(self) -> None:
        deadline, said = time.monotonic() + READY_SECONDS, "no answer"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failed(f"ended with {self.process.returncode}: {self._last_line()}")
            try:
                status, body = self._ask(1)
                if status == 200 and holds(json.loads(body), expected(1)):
                    return
                said = f"{status} {body[:200]!r}"
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.01)
        raise Failed(f"not ready within {READY_SECONDS} s: {said}")

    def _check(self, rows: int) -> None:
        status, body = self._ask(rows)
        if status != 200 or not holds(json.loads(body), expected(rows)):
            raise Failed(f"a wrong answer to {rows} rows: {status} {body[:200]!r}")

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "nothing in its log"

    def family(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> float:
        """MiB of all its processes, what they share counted once (PSS)."""
        total = 0
        for each in self.family():
            try:
                total += each.memory_full_info().pss
            except psutil.Error:
                pass
        return total / 2**20

    def cpu_seconds(self) -> float:
        total = 0.0
        for each in self.family():
            try:
                times = each.cpu_times()
                total += times.user + times.system
            except psutil.Error:
                pass
        return total

    def load(self, rows: int, connections: int, seconds: int) -> dict:
        """One window of wrk: requests per second, latencies in microseconds, errors."""
        environ = {**os.environ, "BENCH_BODY": str(self.bodies[rows])}
        url = f"http://127.0.0.1:{self.port}{self.peer.path}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(LUA), url]
        before = self.cpu_seconds()
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=seconds + 60)
        for line in done.stdout.splitlines():
            if line.startswith("RESULT "):
                found = json.loads(line[len("RESULT ") :])
                found["cpu_us"] = (self.cpu_seconds() - before) * 1e6 / max(found["requests"], 1)
                return found
        raise Failed(f"wrk: {done.stdout[-200:]} {done.stderr[-200:]}")

    def stop(self) -> None:
        """The whole family; what does not listen is killed."""
        family = self.family()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for each in family:
                try:
                    each.send_signal(number)
                except psutil.Error:
                    pass
            _, family = psutil.wait_procs(family, timeout=5)
            if not family:
                return
