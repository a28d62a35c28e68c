"""The gateway against its replica: the same call, made directly and through HAProxy, in turns in one run.

    python benchmarks/gateway.py [--seconds 2] [--out gateway.json]

Starts the scoring runtime with a driver that doubles a number, on a Unix socket
and on a port, and a gateway in front of it. Needs wrk (Debian: `apt-get install wrk`).
All of it shares one machine's cores, so the ratios are what counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deployments.gateway import Gateway, GatewaySettings, KeyRoute, ReplicaRoute, RevisionBackend, Routes, ServiceRoute  # noqa: E402
from deployments.telemetry.receiver import CallReceiver  # noqa: E402

DRIVER = "def init():\n    pass\n\n\ndef run(x):\n    return x * 2\n"
BODY = '{"x": 21}'
KEY, SECRET, DIGEST, NONCE = "mp_benchmark001_" + "b" * 43, "benchmark-secret", "sha256:" + "b" * 64, "benchmark"
CONNECTIONS = (1, 16)
ROUNDS = 2
LUA = """
wrk.method, wrk.body = "POST", os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY")
wrk.headers["X-Modelport-Secret"] = os.getenv("SECRET")
function done(summary, latency)
  local wrong = summary.errors
  io.write(string.format('RESULT {"requests":%d,"per_second":%.1f,"p50_us":%d,"p99_us":%d,"errors":%d}\\n', summary.requests,
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99),
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout))
end
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_bundle(folder: Path) -> Path:
    """A bundle as the builders lay it out; returns its launcher."""
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "score.py").write_text(DRIVER)
    runtime = folder / "opt" / "modelport"
    shutil.copytree(ROOT / "scoring", runtime / "scoring", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "scoring" / "launch.py", runtime / "launch.py")
    document = {"format": 1, "digest": DIGEST, "driver": "score.py", "schema": None, "runtime": "python", "app": "../../app"}
    (runtime / "bundle.json").write_text(json.dumps(document))
    return runtime / "launch.py"


@contextmanager
def running(command: list[str], log: Path, environment: dict[str, str] | None = None):
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=log.parent)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def wait_for(url: str, headers: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            request = urllib.request.Request(url, BODY.encode(), {"Content-Type": "application/json", **headers})
            with urllib.request.urlopen(request, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} does not answer: {error}\n{log.read_text()[-2000:]}") from error
        time.sleep(0.1)


def load(url: str, script: Path, connections: int, seconds: int) -> dict:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    environment = {**os.environ, "BODY": BODY, "KEY": KEY, "SECRET": SECRET}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 20, check=True)
    return json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])


def measure(seconds: int) -> dict:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        script = folder / "post.lua"
        script.write_text(LUA)
        launcher = make_bundle(folder / "bundle")
        identity = {"MODELPORT_SERVICE": "demo/double", "MODELPORT_REVISION": "1", "MODELPORT_NONCE": NONCE, "MODELPORT_SECRET": SECRET}
        port, path = free_port(), folder / "replica.sock"
        for name, listen in (("port", ["--port", str(port)]), ("unix", ["--unix", str(path)])):
            log = folder / f"replica-{name}.log"
            stack.enter_context(running([sys.executable, str(launcher), "serve", *listen], log, {**os.environ, **identity}))
        calls: list = []
        receiver = CallReceiver("127.0.0.1", 0, calls.append)
        receiver.start()
        stack.callback(receiver.stop)
        direct = f"http://127.0.0.1:{port}/score"
        wait_for(direct, {"X-Modelport-Secret": SECRET}, folder / "replica-port.log")

        addresses = {"direct": direct}
        for name, address in (("gateway, port", f"127.0.0.1:{port}"), ("gateway, unix socket", f"unix@{path}")):
            log_address = f"127.0.0.1:{receiver.address[1]}"
            settings = GatewaySettings(folder=folder / f"gateway{len(addresses)}", port=free_port(), log_address=log_address)
            gateway = Gateway(settings)
            backend = RevisionBackend(1, 100, DIGEST, NONCE, (ReplicaRoute("r0", address),))
            keys = (KeyRoute("benchmark001", hashlib.sha256(KEY.encode()).hexdigest()),)
            gateway.apply(Routes(1, (ServiceRoute("demo", "double", "b" * 32, SECRET, backends=(backend,), keys=keys),)))
            log = folder / f"haproxy{len(addresses)}.log"
            stack.enter_context(running(gateway.command(), log))
            addresses[name] = f"http://127.0.0.1:{settings.port}/demo/double/score"
            wait_for(addresses[name], {"Authorization": f"Bearer {KEY}"}, log)

        runs: dict[str, list[dict]] = {}
        for _ in range(ROUNDS):
            for connections in CONNECTIONS:
                for name, url in addresses.items():
                    runs.setdefault(f"{name}|{connections}", []).append(load(url, script, connections, seconds))
        time.sleep(1)
        return summarise(runs, len(addresses), seconds) | {"calls_in_log": receiver.received, "unreadable_lines": receiver.unreadable}


def summarise(runs: dict[str, list[dict]], ways: int, seconds: int) -> dict:
    rows = []
    for label, found in runs.items():
        name, _, connections = label.partition("|")
        values = {key: median(run[key] for run in found) for key in ("per_second", "p50_us", "p99_us")}
        rows.append({"way": name, "connections": int(connections), **values, "errors": sum(run["errors"] for run in found)})
    for row in rows:
        base = next(other for other in rows if other["way"] == "direct" and other["connections"] == row["connections"])
        row["p50_ratio"] = round(row["p50_us"] / base["p50_us"], 3)
        row["per_second_ratio"] = round(row["per_second"] / base["per_second"], 3)
    requests = sum(run["requests"] for label, found in runs.items() if not label.startswith("direct") for run in found)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    return {"machine": machine, "rounds": ROUNDS, "seconds": seconds, "rows": rows, "calls_through_gateway": requests}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=2, help="of each of the 12 measurements (default 2)")
    parser.add_argument("--out", type=Path, default=Path("gateway.json"), help="where the figures are written (default ./gateway.json)")
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: apt-get install wrk")
    result = measure(arguments.seconds)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{'way':<22}{'connections':>12}{'p50 ms':>9}{'p99 ms':>9}{'calls/s':>10}{'p50 x':>8}{'calls/s x':>11}{'errors':>8}")
    for row in sorted(result["rows"], key=lambda row: row["connections"]):
        print(
            f"{row['way']:<22}{row['connections']:>12}{row['p50_us'] / 1000:>9.3f}{row['p99_us'] / 1000:>9.3f}{row['per_second']:>10.0f}"
            f"{row['p50_ratio']:>8.2f}{row['per_second_ratio']:>11.2f}{row['errors']:>8}"
        )
    print(f"calls through the gateway {result['calls_through_gateway']}, in its log {result['calls_in_log']}")


if __name__ == "__main__":
    main()
