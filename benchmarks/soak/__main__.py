"""Minutes of mixed good and hostile traffic at full speed through gateway and replica.

    python -m benchmarks.soak [--minutes 10] [--callers 16] [--target docker|process]

Starts a portal of its own with the Iris example, on a temporary data folder. It fails (exit code 1) when an answer was wrong, an attack was
answered with something else than its right refusal, a process was restarted, or the memory of the last quarter
is more than 5 % above that of the first one after the warm-up (a quarter of the time).
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import re
import statistics
import sys

import httpx2 as httpx
import psutil

from tests.journeys.portal_process import PortalProcess

from .callers import Seen, Service, traffic
from .hostile import attacks
from .watch import Watch, Watched

#: the most the memory may grow after the warm-up
GROWTH = 1.05


def known_rows(portal: PortalProcess, url: str, key: str, sample: dict) -> list[tuple[dict, object]]:
    """120 flowers, each with the answer it gets when it is asked for alone and nothing else happens."""
    (name,) = sample
    columns = list(sample[name][0])
    found = []
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for number in range(120):
            values = [4.3 + number % 12 * 0.3, 2.0 + number % 7 * 0.35, 1.0 + number % 20 * 0.29, 0.1 + number % 20 * 0.12]
            row = dict(zip(columns, (round(value, 2) for value in values), strict=True))
            answer = client.post(url, json={name: [row]})
            answer.raise_for_status()
            found.append((row, answer.json()[0]))
    if len({answer for _, answer in found}) < 3:
        sys.exit("The flowers are all of one kind: answers that are mixed up would not be noticed.")
    return found


def processes(portal: PortalProcess) -> list[Watched]:
    """The gateway and each replica's first process, which holds the others."""
    gateways = [process for process in portal.family("haproxy") if process.name().startswith("haproxy")]
    # Containers are the engine's children, replicas of the process target are nobody's: both say what they serve.
    replicas = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if re.search(r"launch\.py serve", line) and process.environ().get("MODELPORT_SERVER_URL", "").startswith(portal.gateway):
                replicas.append(process)
        except psutil.Error:
            continue
    first = [process for process in replicas if process.ppid() not in {other.pid for other in replicas}]
    if not gateways or not first:
        sys.exit("The gateway or the replica was not found among the processes.")
    named = [Watched("gateway", min(gateways, key=psutil.Process.create_time))]
    return named + [Watched(f"replica {number}", process) for number, process in enumerate(first, 1)]


def judge(watched: list[Watched], seen: Seen, seconds: float) -> list[str]:
    """What did not hold, in words."""
    found = [f"wrong answer: {text}" for text in seen.wrong[:5]] + [f"unexpected: {text}" for text in seen.unexpected[:5]]
    for one in watched:
        early, late = one.between(seconds / 4, seconds / 2), one.between(seconds * 3 / 4, seconds * 2)
        if not one.same:
            found.append(f"{one.name} was restarted")
        elif not early or late > early * GROWTH:
            found.append(f"the memory of {one.name} grew from {early / 2**20:.1f} to {late / 2**20:.1f} MiB")
    if not seen.right:
        found.append("no right answer came")
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--callers", type=int, default=16, help="callers of right requests, each on one connection (default 16)")
    asked.add_argument("--target", choices=("docker", "process"), default="docker")
    options = asked.parse_args()
    seconds = options.minutes * 60
    settings = {} if options.target == "docker" else {"MODELPORT_DOCKER_HOST": "unix:///nowhere.sock"}
    portal = PortalProcess("soak", **settings)
    try:
        portal.start()
        line = re.search(r"curl -sS (\S+) -H 'Authorization: Bearer (\S+)' .* -d '(.*)'", portal.console)
        if not line:
            sys.exit(f"The portal did not come to its call:\n{portal.console}")
        url, key, body = line.groups()
        sample = json.loads(body)
        (name,) = sample
        service = Service(portal.gateway, "/demo/iris/score", key, name, known_rows(portal, url, key, sample))
        watched = processes(portal)
        with Watch(watched):
            seen = asyncio.run(traffic(service, attacks(sample), seconds=seconds, callers=options.callers))
        faults = judge(watched, seen, seconds)
        report(options, seconds, seen, watched)
        again = httpx.post(url, json=sample, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        if again.status_code != 200:
            faults.append(f"afterwards a right call is answered with {again.status_code}")
    finally:
        portal.remove()
    print("\n".join(["", *faults]) if faults else "\nNo wrong answer, no restart, no leak.")
    sys.exit(bool(faults))


def report(options: argparse.Namespace, seconds: float, seen: Seen, watched: list[Watched]) -> None:
    attacked = sum(seen.attacks.values())
    print(f"{datetime.date.today()}: {options.minutes:g} minutes, {options.target}, {options.callers} callers\n")
    print("| what | figure |\n|---|---|")
    print(f"| right answers to good requests | {seen.right:,} ({seen.right / seconds:,.0f}/s) |")
    if len(seen.latencies) > 1:
        cuts = statistics.quantiles(seen.latencies, n=100)
        print(f"| their p50 / p99 | {cuts[49] * 1000:.1f} / {cuts[98] * 1000:.1f} ms |")
    print(f"| wrong answers | {len(seen.wrong)} |\n| good requests told to come back, connections lost | {seen.busy}, {seen.lost} |")
    print(f"| hostile requests, unexpected answers | {attacked:,}, {len(seen.unexpected)} |")
    for one in watched:
        early, late = one.between(seconds / 4, seconds / 2), one.between(seconds * 3 / 4, seconds * 2)
        print(f"| memory of the {one.name}, second and last quarter | {early / 2**20:.1f}, {late / 2**20:.1f} MiB |")
    print("\nThe attacks and their answers (0: the connection was ended):\n")
    for name in dict.fromkeys(name for name, _ in seen.attacks):
        answers = ", ".join(f"{status} x {count}" for (of, status), count in sorted(seen.attacks.items()) if of == name)
        print(f"- {name}: {answers}")


if __name__ == "__main__":
    main()
