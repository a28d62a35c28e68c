"""Builds the example score files, serves each on a portal, calls it, and prints a table: `make examples NAMES="onnx-iris plain-rules"`.

Without MODELPORT_URL, MODELPORT_TOKEN and MODELPORT_GROUP in the environment a portal of its own is started, on a
data folder of its own, and removed with all that it made. Everything goes through the client, as a person's script would.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx

from demo.scores.examples import Example, Workshop, names, read, same
from demo.scores.own_portal import own_portal
from demo.scores.wheels import served
from modelport import ClientError, OperationFailed, Portal

CALLS = 20
#: seconds that a build and a rollout together may take
PATIENCE = 30 * 60
#: until the portal has read what a replica wrote
LOG_SECONDS = 3
HEAD = "| example | framework | run() is called with | environment | build s | start s | p50 ms | answer |\n|---|---|---|---|---:|---:|---:|---|"


@dataclass
class Outcome:
    """What was measured: seconds, but milliseconds for a call. `fault` is empty when the answer was the expected one; its second line on is the log."""

    example: Example
    environment: str = ""
    build: float = 0.0
    start: float = 0.0
    call: float = 0.0
    fault: str = ""

    @property
    def told(self) -> str:
        """The fault without the log."""
        return self.fault.partition("\n")[0]

    def row(self) -> str:
        example = self.example
        measured = [f"{self.build:.1f}", f"{self.start:.1f}", f"{self.call:.1f}"] if self.call else ["", "", ""]
        words = [
            example.name,
            example.framework,
            example.mode,
            self.environment,
            *measured,
            self.told or "ok",
        ]
        return "| " + " | ".join(word.replace("|", "/") for word in words) + " |"


def serve(example: Example, place: Path, portal: Portal, environment: str = "") -> Outcome:
    """Deploys what lies in `place`, calls it, and deletes the service again. What fails is told in the outcome."""
    outcome = Outcome(example)
    schema, kind = place / "service_schema.json", "conda_file" if (place / "conda.yml").exists() else "pip_file"
    packages = place / ("conda.yml" if kind == "conda_file" else "requirements.txt")
    written = (place / "score.py").exists()
    try:
        build = portal.deploy(
            example.name,
            place / "score.py" if written else None,
            model=place / example.model if example.model else None,
            schema=schema if schema.exists() else None,
            files=[place / name for name in example.files],
            runtime=example.runtime,
            environment=environment,
            memory=example.memory,
            timeout=example.timeout,
            **({kind: packages} if written and packages.exists() else {}),
        )
        key = build.keys["primary"]
        build.wait(timeout=PATIENCE)
        build.reload()
        service = portal.services.get(example.name)
    except (ClientError, OperationFailed) as error:
        outcome.fault = f"{error}"
        for service in portal.services.list():
            if service.name == example.name:
                service.delete().wait(timeout=120)
        return outcome
    try:
        step = [step for step in build.steps if step["name"] == "environment"][-1]  # of the last attempt
        outcome.environment = "reused" if step["state"] == "Skipped" else step["note"]
        outcome.build = _seconds(build.startedAt, build.endedAt)
        replica = service.replicas_seen()[0]
        outcome.start = _seconds(replica["startedAt"], replica["readyAt"])
        outcome.call, outcome.fault = call(example, place, service.scoringUri, key)
        if outcome.fault:
            time.sleep(LOG_SECONDS)
            outcome.fault = "\n".join([outcome.fault, *(line["text"] for line in service.log_lines(40))])
    finally:
        service.delete().wait(timeout=120)
    return outcome


def call(example: Example, place: Path, scoring_uri: str, key: str) -> tuple[float, str]:
    """(milliseconds of the usual call, what was wrong with an answer)."""
    address = scoring_uri.removesuffix("score") + example.path
    body, expected = (place / example.request).read_bytes(), json.loads((place / "answer.json").read_text())
    headers = {"Authorization": f"Bearer {key}", "Content-Type": example.content_type}
    taken = []
    with httpx.Client(timeout=example.timeout + 10, headers=headers) as client:
        for _ in range(CALLS):
            begun = time.perf_counter()
            answer = client.post(address, content=body)
            taken.append((time.perf_counter() - begun) * 1000)
            if answer.status_code != 200:
                return 0.0, f"{answer.status_code}: {answer.text[:300]}"
            if not same(answer.json(), expected):
                return 0.0, f"another answer: {answer.text[:300]}"
    return statistics.median(taken), ""


def _seconds(begun: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def run(wanted: list[str], portal: Portal, workshop: Workshop, environment: str = "") -> list[Outcome]:
    """All of them, one after another; a line is printed as each is done."""
    outcomes = []
    for name in wanted:
        example = read(name)
        try:
            outcome = serve(example, workshop.make(example), portal, environment)
        except RuntimeError as error:
            outcome = Outcome(example, fault=f"training: {error}")
        outcomes.append(outcome)
        print(
            f"{name}: {outcome.told or f'built in {outcome.build:.1f} s, started in {outcome.start:.1f} s, {outcome.call:.1f} ms a call'}",
            flush=True,
        )
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(prog="make examples", description=__doc__)
    parser.add_argument("names", nargs="*", help="which examples; all if none is named")
    parser.add_argument("--environment", default="", help="where they run; the group's usual environment if left out")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels that training and builds find before the package index")
    asked = parser.parse_args()
    wanted = [example for name in asked.names or names() for example in [read(name).name]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelport-examples-")))
        if os.environ.get("MODELPORT_URL"):
            portal = stack.enter_context(Portal.saved())
        else:
            indexes = [stack.enter_context(served(asked.wheels))] if asked.wheels else []
            portal = stack.enter_context(own_portal(folder / "data", indexes))
        workshop = Workshop(folder / "work", asked.wheels)
        workshop.folder.mkdir()
        outcomes = run(wanted, portal, workshop, asked.environment)
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {CALLS} calls each\n\n{HEAD}")
    for outcome in outcomes:
        print(outcome.row())
    failed = [outcome for outcome in outcomes if outcome.fault]
    for outcome in failed:
        print(f"\n{outcome.example.name}: {outcome.fault}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
