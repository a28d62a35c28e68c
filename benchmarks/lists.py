"""The list of models with 100 and with 100,000 versions: seconds and queries, through REST and as a page.

    python -m benchmarks.lists [--few 100] [--many 100000] [--rounds 15]

Asked in this process, with the portal's own middleware and a database of its own; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time

FEW, MANY = 100, 100_000


def ask(client, url: str, rounds: int) -> dict:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = client.get(url)
        times.append(time.perf_counter() - begun)
        if answer.status_code != 200:
            raise SystemExit(f"{url} answered {answer.status_code}: {answer.content[:500]!r}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(url)
    return {"ms": round(1000 * statistics.median(times), 1), "queries": len(queries)}


def fill(group, user, count: int) -> None:
    """`count` versions of 50 names, a file and a tag each, written in bulk."""
    from registry.models import Asset, ModelFile, ModelVersion, RegisteredModel, Tag

    asset = Asset.objects.create(sha256="0" * 64, size=1)
    names = RegisteredModel.objects.bulk_create([RegisteredModel(group=group, name=f"model-{number}") for number in range(50)])
    rows = [
        ModelVersion(
            group=group,
            model=names[index % 50],
            number=index // 50 + 1,
            kind="file",
            root="model.pkl",
            digest="sha256:0",
            size=1,
            file_count=1,
            created_by=user,
        )
        for index in range(count)
    ]
    for start in range(0, count, 5000):
        part = ModelVersion.objects.bulk_create(rows[start : start + 5000], batch_size=1000)
        ModelFile.objects.bulk_create([ModelFile(version=row, path="model.pkl", asset=asset) for row in part], batch_size=1000)
        Tag.objects.bulk_create([Tag(version=row, word=f"tag-{row.number % 20}") for row in part], batch_size=1000)


def measure(count: int, rounds: int) -> dict:
    from django.core.management import call_command
    from django.test import Client

    from portal.accounts.models import Membership, ResourceGroup, User

    call_command("flush", verbosity=0, interactive=False)
    group = ResourceGroup.objects.create(name="demo")
    user = User.objects.create(username="someone")
    Membership.objects.create(group=group, user=user, role="owner")
    fill(group, user, count)
    client = Client()
    client.force_login(user)
    addresses = {
        "rest": "/api/v1/groups/demo/models/",
        "rest by name": "/api/v1/groups/demo/models/?name=model-7",
        "rest by tag": "/api/v1/groups/demo/models/?tag=tag-7",
        "rest search": "/api/v1/groups/demo/models/?q=model-7",
        "page": "/g/demo/models/",
    }
    return {name: ask(client, url, rounds) for name, url in addresses.items()}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--few", type=int, default=FEW)
    asked.add_argument("--many", type=int, default=MANY)
    asked.add_argument("--rounds", type=int, default=15)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder:
        os.environ["MODELPORT_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        few, many = measure(options.few, options.rounds), measure(options.many, options.rounds)
    for name in few:
        ratio = many[name]["ms"] / few[name]["ms"]
        print(json.dumps({"list": name, f"{options.few}": few[name], f"{options.many}": many[name], "ratio": round(ratio, 2)}))


if __name__ == "__main__":
    main()
