"""Measure scoring servers beside each other and print the table: see README.md.

All servers of a round run at the same time, and wrk asks them in turns, condition by condition,
so that what disturbs the machine disturbs them all. Waiting servers use next to nothing; how much is printed.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from . import environments, report, steps
from .peers import OURS, PEERS, REFERENCE
from .servers import Failed, Server

CONDITIONS = {"a": (1, 1), "b": (1, 32), "b64": (1, 64), "c": (1000, 4)}
#: what is measured when nobody says: every server in its usual form, and those that batch in that too
USUAL = ("ours", "ours-alone", "mlflow", "bentoml", "bentoml-batching", "azureml", "azureml-schema", "mlserver", "mlserver-batching")
USUAL = (*USUAL, "litserve", "fastapi-async")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--peers", default=",".join(USUAL), help="names, with commas; known: " + ", ".join(PEERS))
    parser.add_argument("--workers", default="1,2", help="processes of each server, with commas (default 1,2)")
    parser.add_argument("--conditions", default=",".join(CONDITIONS), help="a: 1 row, 1 connection; b: 32; b64: 64; c: 1,000 rows, 4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="of one window of wrk (default 1)")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    return parser.parse_args()


def usable(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Those whose environment is there or can be made, and why the others cannot be measured."""
    failed: dict[str, str] = {}
    for environment in dict.fromkeys(PEERS[name].environment for name in names):
        why = environments.prepare(environment)
        failed |= {name: why for name in names if why and PEERS[name].environment == environment}
    return [name for name in names if name not in failed], failed


def start_all(stack: ExitStack, names: list[str], workers: int, folder: Path, more: dict) -> dict[str, Server]:
    servers = {}
    for name in names:
        try:
            server = Server(PEERS[name], workers, folder)
            stack.callback(server.stop)
            server.load(1, 8, 1)  # warm
            servers[name] = server
            more["start"][workers, name] = server.seconds_to_answer
            print(f"{name}, {workers} worker(s): first answer after {server.seconds_to_answer:.1f} s", flush=True)
        except Failed as error:
            more["failed"][f"{name}, {workers} worker(s)"] = str(error)
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    return servers


def measure(servers: dict[str, Server], workers: int, asked: argparse.Namespace, windows: report.Windows) -> None:
    for number in range(asked.rounds):
        for condition in asked.conditions.split(","):
            for name in [*servers, f"{REFERENCE} again"]:
                server = servers[name.split()[0]]
                windows[workers, condition, name, number] = found = server.load(*CONDITIONS[condition], asked.seconds)
                print(f"round {number + 1}, {workers} worker(s), {condition}, {name}: {found['per_second']:.0f}/s", end="", flush=True)
                print(f", p50 {found['p50_us']} us" + (f", {found['errors']} errors" if found["errors"] else ""), flush=True)


def idle(servers: dict[str, Server]) -> float:
    """Cores that all servers together use while nobody asks."""
    before, began = sum(each.cpu_seconds() for each in servers.values()), time.monotonic()
    time.sleep(2)
    return (sum(each.cpu_seconds() for each in servers.values()) - before) / (time.monotonic() - began)


def main() -> None:
    asked = arguments()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    names = [REFERENCE, *(name for name in asked.peers.split(",") if name and name != REFERENCE)]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise SystemExit(f"No such peer: {', '.join(unknown)}. Known: {', '.join(PEERS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # on the way out the servers are stopped
    names, failed = usable(names)
    environments.make_model()
    workers = [int(each) for each in asked.workers.split(",")]
    more: dict = {"busy": psutil.cpu_percent(2) / 100, "start": {}, "memory": {}, "failed": failed, "idle": 0.0}
    windows: report.Windows = {}
    for count in workers:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            servers = start_all(stack, names, count, Path(folder), more)
            if REFERENCE not in servers:
                raise SystemExit("The bare application cannot be measured, so nothing can.")
            more["idle"] = max(more["idle"], idle(servers))
            try:
                measure(servers, count, asked, windows)
            except KeyboardInterrupt:
                print("Interrupted: what has been measured by now.")
                workers = workers[: workers.index(count) + 1]
            more["memory"] |= {(count, name): server.memory() for name, server in servers.items()}
        if count == workers[-1]:
            break
    if OURS[0] in names:
        found = steps.steps()
        started = []
        for _ in range(steps.STARTS):
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                server = Server(PEERS[OURS[0]], 1, Path(folder))
                stack.callback(server.stop)
                started.append(server.seconds_to_answer)
        more["steps"] = {**found, "start": min(started) - steps.seconds_of_packages()}
    choices = {"rounds": asked.rounds, "seconds": asked.seconds, "workers": workers, "conditions": asked.conditions.split(",")}
    table = report.markdown(windows, more, choices)
    print("\n" + table)
    if asked.out:
        asked.out.write_text(table)


if __name__ == "__main__":
    main()
