"""A portal of a size: groups, models, manifests, images, services, and a year of what happened to them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from benchmarks.pages.copying import copy
from deployments.models import (
    CollectedDay,
    Environment,
    GoldenRequest,
    Operation,
    OperationStep,
    ReadinessBucket,
    Replica,
    Revision,
    Service,
    ServiceExample,
    ServiceKey,
    TrafficBucket,
    UsageBucket,
)
from portal.accounts.models import Event, Membership, ResourceGroup, SavedView, Token, User
from registry.models import (
    Alias,
    Asset,
    Card,
    Image,
    Manifest,
    ManifestFile,
    ManifestModel,
    ModelFile,
    ModelVersion,
    RegisteredModel,
    Tag,
)
from registry.storage import store_bytes
from registry.usage import count_manifests
from scoring.schema import Numpy, Pandas, Schema

YEAR = timedelta(days=365)
SCORE = b"def init():\n    pass\n\n\ndef run(data):\n    return [0.0 for _ in data]\n"
THEMES = ["fraud", "churn", "credit", "demand", "price", "image", "text", "route", "energy", "claims", "stock", "speech", "leads", "risk"]
PLACES = ["eu", "us", "apac", "tw", "de", "fr", "uk", "jp", "br", "in", "ca", "au"]
KINDS = ["scorer", "ranker", "forecast", "cluster", "embed", "detect", "match", "labels"]
FRAMEWORKS = ["scikit-learn", "xgboost", "lightgbm", "onnx", "pytorch", "keras", "spark"]
PACKAGES = [{"name": f"package-{number}", "version": f"1.{number}.0"} for number in range(45)]
COLUMNS = [(f"feature_{number}", "float64") for number in range(12)]
SCHEMA = Schema(
    {"data": Pandas(COLUMNS, [{name: 0.5 for name, _ in COLUMNS}] * 2)}, {"result": Numpy("float64", (2,), [0.1, 0.9])}
).to_json()
STEPS = {
    Operation.Kind.IMAGE: [
        ("resolve", "Find versions that fit together"),
        ("environment", "Install the packages"),
        ("bundle", "Put the parts together"),
        ("probe", "Start it once"),
    ],
    Operation.Kind.SERVICE: [("start", "Start replicas"), ("route", "Send calls to them"), ("retire", "Stop the old ones")],
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows of each; the first group has four fifths of them. `daily` is how often its busiest things changed."""

    name: str
    versions: int
    names: int
    manifests: int
    services: int
    operations: int
    events: int
    groups: int
    people: int
    daily: int
    hours: int


FEW = Size("few", 100, 50, 100, 100, 100, 100, 2, 60, 100, 100)
MANY = Size("many", 100_000, 2_500, 12_000, 10_000, 200_000, 400_000, 12, 60, 365, 24 * 365)


def scaled(size: Size, share: float) -> Size:
    """A smaller one of the same shape, to look at the benchmark itself."""
    counts = {name: max(getattr(FEW, name), round(getattr(size, name) * share)) for name in Size.__slots__ if name != "name"}
    return replace(size, **counts)


class Filling:
    """Random in shape, the same in every run. Ids that others point to are made here, so that nothing is asked back."""

    def __init__(self, size: Size) -> None:
        self.size, self.random, self.now = size, random.Random(20), timezone.now()

    def fill(self) -> None:
        call_command("flush", verbosity=0, interactive=False)
        self.people()
        self.registry()
        self.images()
        self.services()
        self.work()
        self.measured()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    def then(self, share: float) -> datetime:
        """A moment of the year, 0 its beginning and 1 now."""
        return self.now - YEAR + share * YEAR

    def place(self, index: int, count: int) -> ResourceGroup:
        """The group of the index-th of `count` things."""
        return self.groups[0] if index < 0.8 * count else self.groups[1 + index % (len(self.groups) - 1)]

    def people(self) -> None:
        size = self.size
        self.groups = [ResourceGroup(name=f"group-{number}" if number else "demo") for number in range(size.groups)]
        copy(self.groups)
        users = [User(username=f"person.{number}", email=f"person.{number}@example.com") for number in range(size.people)]
        users[0].username, users[0].is_superuser = "someone", True
        self.users = User.objects.bulk_create(users)
        roles = ["owner", "contributor", "reader"]
        copy(
            Membership(group=group, user=user, role=roles[(place + number) % 3] if place else "owner")
            for number, group in enumerate(self.groups)
            for place, user in enumerate(self.users)
            if not number or place % 4 == number % 4 or not place
        )
        copy(
            Token(user=user, name=f"laptop {n}", key_id=secrets.token_hex(6), hash=secrets.token_hex(32), last_four="abcd")
            for user in self.users
            for n in range(2)
        )
        copy(
            SavedView(group=self.groups[0], user=user, noun=noun, name=f"mine {number}", query="q=fraud&sort=-size", shared=number % 2 == 0)
            for number, user in enumerate(self.users)
            for noun in ("models", "services", "operations")
        )
        self.environments = {}
        for group in self.groups:
            seen = [{"name": "It answers", "ok": True, "detail": "", "cure": "", "cores": 20_000, "memory": 2**45}]
            names = ("docker", "gpu", "test")
            self.environments[group.pk] = [Environment(group=group, name=name, target="docker", checks=seen) for name in names]
            copy(self.environments[group.pk])

    def registry(self) -> None:
        size, pick = self.size, self.random
        self.assets = [store_bytes(SCORE), *(Asset(sha256=f"{number:064x}", size=pick.randint(10_000, 10**8)) for number in range(500))]
        copy(self.assets[1:])
        self.names = []
        for number in range(size.names):
            words = (THEMES[number % 14], PLACES[number // 14 % 12], KINDS[number // 168 % 8], str(number))
            self.names.append(RegisteredModel(group=self.place(number, size.names), name="-".join(words)[:32]))
        copy(self.names)
        self.versions = list(self._versions())
        copy(self.versions)
        copy(ModelFile(version=row, path="model.pkl", asset=self.assets[1 + number % 500]) for number, row in enumerate(self.versions))
        copy(Tag(version=row, word=word) for row in self.versions for word in row.chosen)
        copy(Card(version=row, text=f"# {row.model.name}\n\n" + "What it is for, and what not. " * 40) for row in self.versions[::10])
        newest = {row.model_id: row for row in self.versions}
        copy(Alias(model_id=key, name=word, version=row) for key, row in newest.items() for word in ("champion", "challenger"))
        self.manifests = []
        numbers: dict = {}
        for number in range(size.manifests):
            group = self.place(number, size.manifests)
            name = self.names[number % 400 % size.names if group is self.groups[0] else -1 - number % 50 % len(self.names)].name
            numbers[group.pk, name] = numbers.get((group.pk, name), 0) + 1
            self.manifests.append(
                Manifest(
                    group=group, name=name, number=numbers[group.pk, name], runtime="python", python="3.11", requirements="numpy\n",
                    description="How it is called, and with what." if number % 2 else "", service_schema=SCHEMA,
                    created_by=pick.choice(self.users), created_at=self.then(number / size.manifests),
                )
            )  # fmt: skip
        copy(self.manifests)
        used = {group.pk: [row for row in self.versions if row.group_id == group.pk] for group in self.groups}
        copy(
            ManifestModel(manifest=row, version=used[row.group_id][number % len(used[row.group_id])], order=0)
            for number, row in enumerate(self.manifests)
        )
        with transaction.atomic():
            count_manifests(ManifestModel.objects.order_by().values("version"))
        copy(ManifestFile(manifest=row, role="driver", path="score.py", asset=self.assets[0]) for row in self.manifests)

    def _versions(self) -> Iterator[ModelVersion]:
        """One name in twenty is trained again every night, and the first one every hour."""
        size, pick = self.size, self.random
        counts: dict = {}
        often = max(1, size.names // 20)
        for index in range(size.versions):
            share = pick.random()
            name = self.names[0 if share < 0.05 else int(pick.random() * (often if share < 0.4 else size.names))]
            counts[name.pk] = counts.get(name.pk, 0) + 1
            words = f"Trained on the {pick.choice(PLACES)} data of week {index % 52} for {pick.choice(THEMES)}, run {index:x}."
            row = ModelVersion(
                group=name.group, model=name, name=name.name, number=counts[name.pk], kind="file", root="model.pkl", file_count=1,
                description=words if index % 3 else "", framework=pick.choice(FRAMEWORKS), digest=f"sha256:{index % 90_000:064x}",
                size=pick.randint(10_000, 10**8), created_by=pick.choice(self.users), created_at=self.then(index / size.versions),
            )  # fmt: skip
            row.registered_by = row.created_by.username
            row.chosen = {pick.choice(THEMES), f"run-{row.number % 200}", "nightly" if row.number % 3 else "candidate"}
            row.gather_words(row.chosen)
            yield row

    def images(self) -> None:
        """One of each manifest."""
        details = {"python": "3.11.9", "packages": PACKAGES, "init_seconds": 0.4}
        probe = {"sample_result": [0.1, 0.9], "details": details, "documents": {}, "batching": {"verdict": "rows"}}
        self.built = [
            Image(
                group=row.group, name=row.name, number=row.number, manifest=row, format="oci", location="local", size=4 * 10**8,
                digest=f"sha256:{number:064x}" if number % 50 else "", bundle_digest=f"sha256:{number:064x}", packages=PACKAGES,
                probe=probe, build_seconds=12.5, created_by=row.created_by, created_at=row.created_at, built_at=row.created_at,
            )
            for number, row in enumerate(self.manifests)
        ]  # fmt: skip
        copy(self.built)

    def services(self) -> None:
        size, pick = self.size, self.random
        images = {group.pk: [row for row in self.built if row.group_id == group.pk and row.digest] for group in self.groups}
        self.all = []
        for number in range(size.services):
            group = self.place(number, size.services)
            words = (THEMES[number % 14], PLACES[number // 14 % 12], "api", str(number))
            self.all.append(
                Service(
                    group=group, name="-".join(words), description="Scores for the shop." if number % 3 else "", replicas=2, open_page=True,
                    environment=self.environments[group.pk][0 if number % 10 else 1], stopped=number % 40 == 7,
                    created_by=pick.choice(self.users), created_at=self.then(number / size.services * 0.9), contact="team@example.com",
                )
            )  # fmt: skip
        copy(self.all)
        self.revisions = []
        for number, service in enumerate(self.all):
            # The newest of every hundred is rolled out daily, the others now and then.
            count = size.daily if number % 100 == 0 else 1 + number % 5
            known, broken = images[service.group_id], number % 60 == 11
            for place in range(1, count + 1):
                last, begun = place == count, self.now - (count - place) * timedelta(days=1)
                state = ("Failed" if broken else "Serving") if last else ("Failed" if place % 9 == 0 else "Retired")
                self.revisions.append(
                    Revision(
                        service=service, number=place, image=known[(number + place) % len(known)], cpu=0.5, memory=2**29, state=state,
                        reason="The replica did not become ready." if state == "Failed" else "", created_by=service.created_by,
                        created_at=begun, serving_at=None if state == "Failed" else begun,
                        ended_at=None if state == "Serving" else begun + timedelta(days=1),
                    )
                )  # fmt: skip
        copy(self.revisions)
        serving = [row for row in self.revisions if row.state == "Serving" and not row.service.stopped]
        copy(
            Replica(
                revision=row, name=f"{row.spec_name}-{place}", observed_at=self.now, started_at=self.now, restarts=0,
                state="unreachable" if number % 80 == 3 and place else "ready", detail="" if number % 80 != 3 else "No answer in 3 seconds.",
            )
            for number, row in enumerate(serving)
            for place in (0, 1)
        )  # fmt: skip
        self.keys = [
            ServiceKey(
                service=row, slot=slot, key_id=f"{number:010d}{slot[:2]}", hash=f"{number:060d}{slot[:4]}", last_four="wxyz",
                created_at=row.created_at,
            )
            for number, row in enumerate(self.all)
            for slot in ("primary", "secondary")
        ]  # fmt: skip
        copy(self.keys)
        copy(
            ServiceExample(service=row, name=f"example {n}", body="{}", shared=True, created_by=self.users[0])
            for row in self.all[::5]
            for n in range(3)
        )
        copy(
            GoldenRequest(service=row, name=f"usual {n}", body="{}", expected="[0.1]", created_by=self.users[0])
            for row in self.all[::5]
            for n in range(3)
        )

    def work(self) -> None:
        copy(self._operations())
        steps = (
            OperationStep(operation_id=pk, order=order, name=name, title=title, state="Succeeded", started_at=begun, ended_at=begun)
            for pk, kind, begun in Operation.objects.values_list("pk", "kind", "created_at").iterator()
            for order, (name, title) in enumerate(STEPS[kind], 1)
        )
        copy(steps)
        copy(self._events())

    def _operations(self) -> Iterator[Operation]:
        size, pick = self.size, self.random
        # Of a hundred, as many fail as of thousands do on a page.
        failing = 17 if size.operations > 1000 else 3
        for number in range(size.operations):
            begun = self.then(number / size.operations)
            build = number % 2 == 0
            image, service = self.built[int(pick.random() * len(self.built))], self.all[int(pick.random() * len(self.all))]
            thing = image if build else service
            recent = number >= size.operations - 12
            state = ("Running" if number % 2 else "NotStarted") if recent else ("Failed" if number % failing == 0 else "Succeeded")
            error = {"code": "BuildFailed", "message": "numpyy is not on the index.", "fault": "yours", "lines": ["ERROR: no numpyy"] * 30}
            yield Operation(
                group=self.groups[0] if recent else thing.group, kind="Image" if build else "Service", state=state,
                label=f"image {image}" if build else f"{service} revision {number % 9 + 1} ({image})", manifest=image.manifest if build else None,
                image=image, service=None if build else service, environment=self.environments[thing.group_id][0],
                error=error if state == "Failed" else None, created_by=thing.created_by, asked_by=thing.created_by.username, created_at=begun,
                started_at=None if state == "NotStarted" else begun,
                ended_at=None if recent else begun + timedelta(seconds=pick.randint(2, 90)), due_at=begun,
            )  # fmt: skip

    def _events(self) -> Iterator[Event]:
        size, pick = self.size, self.random
        tags = [("model.registered", self.versions), ("image.recorded", self.built), ("service.updated", self.all)]
        for number in range(size.events):
            tag, rows = tags[number % 3]
            row = rows[int(pick.random() * len(rows))]
            user = pick.choice(self.users)
            yield Event(
                group=row.group, actor=user, actor_label=user.username, tag=tag, subject_type=row._meta.model_name,
                subject_id=str(row.pk), subject_label=str(row), data={"size": number, "digest": f"sha256:{number:064x}"},
                request_id=f"{number:032x}", created_at=self.then(number / size.events),
            )  # fmt: skip

    def measured(self) -> None:
        """The busiest service has every hour of the year; all have the last quarter of an hour, and some days of collected rows."""
        minute = self.now.replace(second=0, microsecond=0)
        hour = minute.replace(minute=0)
        latencies = {"30": 40, "34": 15, "40": 5}
        busy = self.all[0]

        def traffic(service, at, span, status=200):
            return TrafficBucket(
                service=service, revision=1, status=status, key="", calls=60, microseconds=120_000, bytes_in=6000, bytes_out=600,
                latencies=latencies, starts_at=at, span=span,
            )  # fmt: skip

        copy(traffic(busy, hour - timedelta(hours=n), 3600, status) for n in range(self.size.hours) for status in (200, 400, 500))
        copy(traffic(service, minute - timedelta(minutes=n), 60) for service in self.all for n in (1, 4, 8))
        copy(traffic(busy, minute - timedelta(minutes=n), 60, 500) for n in range(60))
        copy(
            ReadinessBucket(service=busy, starts_at=hour - timedelta(hours=n), span=3600, ready=2, ready_least=2, desired=2)
            for n in range(self.size.hours)
        )
        copy(
            UsageBucket(
                service=busy, revision=1, replica=f"replica-{n % 2}", starts_at=hour - timedelta(hours=n // 2), span=3600, cpu=0.2,
                cpu_most=0.5, memory=10**8, memory_most=10**8,
            )
            for n in range(2 * self.size.hours)
        )  # fmt: skip
        today = self.now.date()
        copy(
            CollectedDay(service=service, day=today - timedelta(days=n), model="m", version="1", identifier="in", rows=1000, bytes=10**6)
            for service in self.all[::100]
            for n in range(min(self.size.daily, 30))
        )
        Session.objects.all().delete()
