"""How long a new version of a model takes to become an image, against the first build of the same packages.

    python benchmarks/rebuild.py [--target docker|process] [--rounds 3]

Both are measured in one run, on an installation of its own (a temporary data
folder), through the same code that a worker runs. The first build starts without
a lock or an environment; package files may lie in the installer's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCORE = b"""
import json


def init():
    global factor
    with open("model.json") as file:
        factor = json.load(file)["factor"]


def run(rows):
    return [factor * row for row in json.loads(rows)] if rows else []
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--target", default="docker", choices=["docker", "process"])
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="modelport-rebuild-") as folder:
        os.environ |= {"MODELPORT_DATA": folder, "MODELPORT_ALLOW_PROCESS_TARGET": "yes", "DJANGO_SETTINGS_MODULE": "portal.settings.base"}
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        print(json.dumps(measure(asked.target, asked.rounds), indent=1))


def measure(target: str, rounds: int) -> dict:
    """Seconds of a build, from the claim to the recorded image; the probe is part of it."""
    from django.core.management import call_command

    from deployments import work
    from deployments.actions.environments import create_environment
    from deployments.actions.images import create_image
    from deployments.engines import builder
    from portal.accounts.actions import create_resource_group, system_user
    from registry.actions.manifests import create_manifest
    from registry.actions.models import register_model
    from registry.storage import store_bytes

    call_command("migrate", verbosity=0)
    user = system_user()
    group = create_resource_group(user=user, name="benchmark")
    environment = create_environment(user=user, group=group, name="measured", target=target)

    def build(number: int) -> dict[str, float]:
        version = register_model(
            user=user, group=group, name="rebuild", files=[("model.json", store_bytes(json.dumps({"factor": number}).encode()))]
        )
        packages = ("requirements.txt", b"scikit-learn\npandas<3\n", "pip")
        manifest = create_manifest(
            user=user, group=group, name="rebuild", models=[version], driver=("score.py", SCORE), dependencies=packages
        )
        operation = create_image(user=user, group=group, manifest=manifest, environment=environment)
        begun = time.perf_counter()
        work.run(operation.pk)
        seconds = time.perf_counter() - begun
        operation.refresh_from_db()
        if operation.state != "Succeeded":
            sys.exit(f"The build failed: {operation.error}")
        built.append(operation.image.location)
        return {"seconds": round(seconds, 2), **{step.name: round(step.seconds, 2) for step in operation.steps.all()}}

    built: list[str] = []
    try:
        first = build(1)
        again = [build(number) for number in range(2, 2 + rounds)]
    finally:
        for location in built:
            builder(target).discard(location)
    median = statistics.median(row["seconds"] for row in again)
    return {
        "target": target,
        "first": first,
        "model_only": again,
        "model_only_median": median,
        "ratio": round(median / first["seconds"], 3),
    }


if __name__ == "__main__":
    main()
