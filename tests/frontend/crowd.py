"""A group as it is after a year of work: many rows, long and odd names, things that failed, calls of the last hour.

For the pictures of docs/screens.md and for the tests that look at widths: an empty page fits everywhere.
"""

from __future__ import annotations

import json
import math
import random
from datetime import timedelta

from django.utils import timezone

from deployments import plans
from deployments.actions.golden import save_golden_request
from deployments.logs import replica_log_path
from deployments.models import Environment, GoldenRun, Operation, OperationStep, Replica, Revision, UsageBucket
from deployments.steplog import stamped
from deployments.steps import step_log_path
from deployments.telemetry import rollup
from deployments.telemetry.lines import Call
from portal.accounts.events import EventTag, record
from registry.actions.aliases import move_alias
from registry.actions.images import draft_image, record_built_image
from registry.actions.manifests import create_manifest
from registry.models import ModelVersion
from tests import factories

#: the longest name there may be, and a text without a place to break it
LONG = "customer-churn-forecast-eu.west1"
UNBROKEN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/CustomerChurnForecast_" + "0123456789abcdef" * 6
ODD = ['größe "quoted" 🙂.bin', "نموذج.bin", "it's <b>.json", f"{'very-long-file-name-' * 8}.bin"]
COLUMNS = [("customer_age", "int64", 41), ("monthly_charge", "float64", 79.5), ("plan", "text", "flat-12"), ("tenure_months", "int64", 18)]
SAMPLE = [{name: example for name, _dtype, example in COLUMNS}]
SCHEMA = {
    "input": {
        "rows": {"type": 3, "internal": {"columns": [{"name": n, "dtype": d} for n, d, _ in COLUMNS]}, "swagger": {"example": SAMPLE}}
    }
}
DRIVER = b"""import joblib
import pandas


def init():
    global model
    model = joblib.load("model.pkl")


def run(rows):
    frame = pandas.DataFrame(rows)
    chances = model.predict_proba(frame)[:, 1]
    return [{"churn": bool(chance > 0.5), "chance": round(float(chance), 4)} for chance in chances]
"""
REQUIREMENTS = b"pandas==2.2.3\nscikit-learn==1.5.2\njoblib==1.4.2\n"
CARD = """# Churn model

Says how likely a customer leaves within **three months**, from what the contract and the last bills tell.

| data | rows | AUC |
|---|---:|---:|
| 2025, first half | 412,000 | 0.871 |
| 2025, second half | 398,512 | 0.864 |

## How it was trained

- gradient boosting on 38 columns, of which four are asked for
- weekly, on the data of the last two years

## What it must not be used for

> Prices of single customers. It was not looked at for that.

```python
model.predict_proba(frame)[:, 1]
```
"""
PACKAGES = [
    *("joblib 1.4.2", "numpy 2.1.3", "pandas 2.2.3", "python-dateutil 2.9.0.post0", "pytz 2024.2", "scikit-learn 1.5.2", "scipy 1.14.1"),
    *("six 1.16.0", "threadpoolctl 3.5.0", "tzdata 2024.2"),
]
NAMES = ["credit-scoring", "demand-forecast", "fraud-detector", "price-optimizer", "sentiment-en", "ticket-router", "wine-quality"]


def fill(group, owner) -> dict[str, str]:
    """Everything in `group`; the addresses of its pages by name."""
    grace = factories.make_user("contributor", group, "grace", email="grace.hopper@example.org")
    factories.make_user("reader", group, "a.very.long.user.name.of.somebody", email=f"{'long.' * 10}name@example.org")
    local, away = _environments(group)
    version = _models(group, grace)
    manifest, images = _images(group, grace, version, local)
    service = _services(group, owner, images, local, away)
    addresses = _operations(group, owner, manifest, images[-1], service, local)
    _traffic(service)
    _logs(service)
    _golden(owner, service)
    factories.make_collected(service, requests=8)
    return _addresses() | addresses


def _environments(group) -> tuple[Environment, Environment]:
    good = [{"name": "Docker Engine", "ok": True, "detail": "27.3.1, 8 cores and 31 GiB, answered in 12 ms."}]
    bad = [
        {
            "name": "Docker Engine",
            "ok": False,
            "detail": f"No answer at {UNBROKEN}.",
            "cure": "Look whether the engine runs, and its address.",
        }
    ]
    now = timezone.now()
    local = factories.make_environment(group, is_default=True, target="docker", description="This machine", checks=good, checked_at=now)
    away = factories.make_environment(group, name=f"{LONG[:-2]}2a", target="docker", description=UNBROKEN, checks=bad, checked_at=now)
    return local, away


def _models(group, user) -> ModelVersion:
    for number, name in enumerate(NAMES):
        for again in range(1 + number % 3):
            factories.make_model_version(
                group, name=name, files={"model.pkl": f"{name} {again}".encode() * 900}, user=user, framework="XGBoost 2.1"
            )
    files = {f"saved/variables/part-{number:03}.bin": str(number).encode() * 500 for number in range(60)}
    files |= {f"saved/{'deep/' * 12}{name}": name.encode() for name in ODD} | {"saved/readme.txt": b"Words about it.\n"}
    factories.make_model_version(
        group, name=LONG, files=files, user=user, description=f"{UNBROKEN}\n\nnext line", tags=["eu", UNBROKEN[:60]]
    )
    for number in range(1, 8):
        words = {
            "description": "Who is about to leave, and how surely.",
            "tags": ["customers", "weekly"],
            "framework": "scikit-learn 1.5.2",
        }
        version = factories.make_model_version(
            group, name="churn-model", files={"model.pkl": b"model %d" % number * 4000}, user=user, card=CARD, **words
        )
        if number in (5, 6):
            move_alias(user=user, version=version, name="champion" if number == 5 else "challenger")
    return version


def _images(group, user, version, environment):
    images = []
    for name, uses in (
        (LONG, [ModelVersion.objects.get(model__name=LONG)]),
        ("fraud-detector", []),
        ("churn-model", [version]),
        ("churn-model", [version]),
    ):
        manifest = create_manifest(
            user=user,
            group=group,
            name=name,
            models=uses,
            driver=("score.py", DRIVER),
            schema=("service_schema.json", json.dumps(SCHEMA, indent=1).encode()),
            dependencies=("requirements.txt", REQUIREMENTS, "pip"),
            description="Weekly retrained." if name != LONG else UNBROKEN,
        )
        image = draft_image(user=user, group=group, name=name, manifest=manifest, format="oci")
        digest = f"sha256:{hash(name) & 0xFFFF:04x}{'4f1d9c' * 10}"[:71]
        record_built_image(
            image,
            location=f"registry.example.org:5000/{group.name}/{name}@{digest}",
            digest=digest,
            bundle_digest=digest,
            size=412_339_712,
            platform="linux/amd64",
            base="python:3.11-slim-bookworm",
            packages=[dict(zip(("name", "version"), line.split(), strict=True)) for line in PACKAGES],
            probe={
                "sample_result": [{"churn": False, "chance": 0.1204}],
                "batching": {"verdict": "rows", "reason": "Each of 14 rows answered alike."},
            },
            build_seconds=102.4,
            held_by=environment.pk,
        )
        images.append(image)
    draft_image(user=user, group=group, name="churn-model", manifest=manifest, format="oci")
    return manifest, images


def _services(group, owner, images, local, away):
    now = timezone.now()
    long, fraud, older, newest = images
    words = {
        "description": "Who is about to leave, and how surely.",
        "contact": "#churn on the chat",
        "open_page": True,
        "created_by": owner,
    }
    service = factories.make_service(group, name="churn-api", image=older, environment=local, replicas=2, state="Retired", **words)
    rows = [(2, older, "Failed", "MemoryError in init()."), (3, newest, "Retired", ""), (4, newest, "Serving", "")]
    for number, image, state, reason in rows:
        memory, cpu = (2**30, 1) if number > 2 else (2**29, 0.5)
        note = "More room for the longer history" if number == 3 else ""
        Revision.objects.create(
            service=service, number=number, image=image, cpu=cpu, memory=memory, state=state, reason=reason, note=note, created_by=owner
        )
    for number in range(1, 5):
        ended = now - timedelta(days=12 * (4 - number)) if number < 4 else None
        Revision.objects.filter(service=service, number=number).update(
            created_at=now - timedelta(days=12 * (5 - number)),
            serving_at=None if number == 2 else now - timedelta(days=12 * (5 - number)),
            ended_at=ended,
        )
    for slot in ("primary", "secondary"):
        plans.new_key(service, slot, owner)
    broken = factories.make_service(group, name="fraud-detector", image=fraud, environment=local, replicas=2)
    stopped = factories.make_service(group, name="price-optimizer", image=fraud, environment=local, stopped=True)
    failed = factories.make_service(group, name="ticket-router", image=fraud, environment=away, state="Failed")
    failed.revisions.update(reason="The image asks for 8 GiB, and the environment gives a replica at most 4 GiB.")
    factories.make_service(group, name="sentiment-en", image=fraud, environment=local, state="Rolling")
    wide = factories.make_service(
        group, name=LONG, image=long, environment=away, description=f"{UNBROKEN} for {UNBROKEN}", contact=UNBROKEN
    )
    for row, states in ((service, ("ready", "ready")), (broken, ("ready", "crashed")), (wide, ("ready",))):
        revision = row.revisions.get(state="Serving")
        Revision.objects.filter(pk=revision.pk, serving_at=None).update(serving_at=now - timedelta(days=3))
        for number, state in enumerate(states):
            detail = "MemoryError in init(): cannot allocate 1.4 GiB." if state == "crashed" else ""
            Replica.objects.create(
                revision=revision,
                name=f"mp-{row.pk.hex[:12]}-r{revision.number}-{number}",
                state=state,
                detail=detail,
                restarts=6 if detail else 0,
                cpu=0.31,
                memory=402 * 2**20,
                ready_at=now - timedelta(days=3),
                observed_at=now,
            )
    record(owner, EventTag.SERVICE_UPDATED, service, fields=["memory", "replicas"], image=str(newest))
    record(owner, EventTag.SERVICE_STOPPED, stopped)
    return service


def _operations(group, owner, manifest, image, service, environment) -> dict[str, str]:
    now = timezone.now()
    for number in range(40):
        state = ("Succeeded", "Succeeded", "Failed", "Succeeded", "Cancelled")[number % 5]
        started = now - timedelta(hours=5 * number + 2)
        kind, label = (("Image", f"churn-model:{number + 3}"), ("Service", "churn-api to churn-model:9"), ("Image", f"{LONG}:{number}"))[
            number % 3
        ]
        row = factories.make_operation(group, kind=kind, label=label, state=state, created_by=owner, started_at=started)
        error = (
            {"code": "BuildFailed", "message": f"The check stopped: {UNBROKEN}", "fault": "ours", "lines": []}
            if state == "Failed"
            else None
        )
        Operation.objects.filter(pk=row.pk).update(created_at=started, ended_at=started + timedelta(seconds=70 + number * 3), error=error)
    lines = ["Collecting pandas==2.2.3", "Collecting scikit-lern==1.5.2", "ERROR: no version of scikit-lern was found", UNBROKEN]
    error = {"code": "BuildFailed", "message": "There is no package scikit-lern. Did you mean scikit-learn?", "fault": "yours"}
    error |= {"file": "requirements.txt", "line": 2, "lines": lines, "cure": {"package": "scikit-lern", "to": "scikit-learn"}}
    typo = create_manifest(
        user=owner,
        group=group,
        name="churn-model",
        driver=("score.py", DRIVER),
        dependencies=("requirements.txt", REQUIREMENTS.replace(b"scikit-learn", b"scikit-lern"), "pip"),
    )
    common = {"created_by": owner, "environment": environment}
    failed = factories.make_operation(
        group,
        label="churn-model:9",
        state="Failed",
        manifest=typo,
        error=error,
        started_at=now - timedelta(seconds=74),
        ended_at=now,
        **common,
    )
    _step(failed, 1, "resolve", "Resolve the packages", "Failed", lines, 71)
    running = factories.make_operation(
        group, label="churn-model:10", state="Running", manifest=manifest, image=image, started_at=now - timedelta(seconds=48), **common
    )
    _step(running, 1, "resolve", "Resolve the packages", "Skipped", ["The lock of the last build is used."], 1)
    said = [f"\x1b[32m+\x1b[0m {line.replace(' ', '==')}" for line in PACKAGES]
    said += ["\x1b[33mwarning:\x1b[0m <b>no wheel cache</b>", UNBROKEN * 2]
    _step(running, 2, "environment", "Install the packages", "Running", said * 9, 44)
    return {"failed_operation": f"operations/{failed.pk}", "operation": f"operations/{running.pk}"}


def _step(operation, order: int, name: str, title: str, state: str, lines: list[str], seconds: int) -> None:
    now = timezone.now()
    step = OperationStep.objects.create(
        operation=operation, order=order, name=name, title=title, state=state, ended_at=None if state == "Running" else now
    )
    OperationStep.objects.filter(pk=step.pk).update(started_at=now - timedelta(seconds=seconds))
    path = step_log_path(step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(stamped(line, now - timedelta(seconds=seconds * (1 - n / len(lines)))) for n, line in enumerate(lines)))


def _traffic(service) -> None:
    """An hour of calls: a wave, some refused, a few broken, one slow quarter of an hour."""
    chance, now, counter = random.Random(7), timezone.now(), rollup.Counter()
    for second in range(0, 3600, 10):
        slow = 2.5 if 1500 < second < 2400 else 1
        for _ in range(4 + round(3 * math.sin(second / 400))):
            status = chance.choices((200, 400, 500), (95, 4, 1.5 * slow))[0]
            started = int((now - timedelta(seconds=second)).timestamp() * 1_000_000)
            took = round(chance.lognormvariate(9.4, 0.5) * slow)
            counter.add(Call(started, service.pk.hex, 4, "r4", "", "POST", "score", status, 140, 60, took, "--", "id"))
    rollup.store(*counter.take())
    usage = []
    for replica in Replica.objects.filter(revision__service=service):
        for second in range(0, 3600, 10):
            cpu, memory = 0.25 + 0.1 * math.sin(second / 400) + chance.random() / 20, (380 + chance.randrange(30)) * 2**20
            measured = {"cpu": cpu, "cpu_most": cpu, "memory": memory, "memory_most": memory}
            at = rollup.floor(now - timedelta(seconds=second), 10)
            usage.append(UsageBucket(service=service, revision=4, replica=replica.name, starts_at=at, span=10, **measured))
    rollup.write(UsageBucket, usage)
    rollup.store_readiness()


def _logs(service) -> None:
    now = timezone.now()
    for replica in Replica.objects.filter(revision__service=service):
        path = replica_log_path(service, replica.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        said = []
        for number in range(60):
            at = (now - timedelta(seconds=3 * (60 - number))).isoformat()
            level = "ERROR" if number % 17 == 9 else "WARNING" if number % 11 == 5 else "INFO"
            line = {"level": level, "message": f"POST /score 200 {UNBROKEN if number == 30 else ''}", "requestId": f"7f3a{number:08x}"}
            said.append(f"{at} {json.dumps(line)}\n")
        said.append(f"{now.isoformat()} \x1b[31mplain\x1b[0m words <script>alert(1)</script>\n")
        path.write_text("".join(said))


def _golden(owner, service) -> None:
    body, expected = json.dumps({"rows": SAMPLE}), json.dumps([{"churn": False, "chance": 0.1204}])
    for name in ("A loyal customer", "Somebody new", "x" * 64):
        save_golden_request(user=owner, service=service, name=name, body=body, expected=expected, tolerances={"/*/chance": 0.01})
    difference = {"pointer": "/0/chance", "expected": "0.1204", "got": "0.3341"}
    results = [
        {"name": "A loyal customer", "outcome": "changed", "status": 200, "seconds": 0.021, "differences": [difference], "got": expected},
        {"name": "Somebody new", "outcome": "same", "status": 200, "seconds": 0.019, "differences": [], "got": expected},
    ]
    serving = service.revisions.get(state="Serving")
    GoldenRun.objects.create(
        revision=serving, state="Approved", results_text=json.dumps(results), decided_by=owner, decided_at=timezone.now()
    )


def _addresses() -> dict[str, str]:
    service, folder = "services/churn-api", f"models/{LONG}:1"
    return {
        "home": "",
        "deploy": "deploy",
        "models": "models/",
        "model": "models/churn-model:7",
        "model_folder": folder,
        "model_folder_deep": f"{folder}?in=deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep",
        "model_name": "models/churn-model/",
        "model_name_long": f"models/{LONG}/",
        "model_versions": "models/churn-model/?tab=versions",
        "model_used": "models/churn-model/?tab=used",
        "compare_models": "models/churn-model:7/compare?with=churn-model:6",
        "new_model": "models/new",
        "manifests": "manifests/",
        "new_manifest": "manifests/new?from=churn-model:2",
        "manifest": "manifests/churn-model:2",
        "manifest_long": f"manifests/{LONG}:1",
        "images": "images/",
        "new_image": "images/new",
        "image": "images/churn-model:2",
        "environments": "environments/",
        "environment": "environments/local/",
        "environment_long": f"environments/{LONG[:-2]}2a/",
        "services": "services/",
        "new_service": "services/new?image=churn-model:2",
        "service": f"{service}/",
        "service_degraded": "services/fraud-detector/",
        "service_stopped": "services/price-optimizer/",
        "service_failed": "services/ticket-router/",
        "service_long": f"services/{LONG}/",
        "service_docs": f"{service}/docs",
        "service_metrics": f"{service}/metrics?range=1h",
        "service_try": f"{service}/try",
        "service_keys": f"{service}/keys",
        "regenerate_key": f"{service}/keys/primary/regenerate",
        "service_logs": f"{service}/logs",
        "service_collected": f"{service}/collected",
        "collected_day": f"{service}/collected/{timezone.now().date()}",
        "service_golden": f"{service}/golden",
        "service_history": f"{service}/history",
        "roll_back": f"{service}/history/1/roll-back",
        "service_settings": f"{service}/settings",
        "delete_service": f"{service}/delete",
        "delete_model": "models/churn-model:7/delete",
        "operations": "operations/",
        "members": "members/",
        "audit": "audit/",
        "search": "search?q=churn",
        "nothing_found": "models/?q=nothing-like-it",
    }
