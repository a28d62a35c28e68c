"""A group with one of everything, and Django's client for each kind of person."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from deployments import plans
from deployments.models import Operation, OperationStep, Replica
from deployments.steps import step_log_path
from tests import factories

SCHEMA = b'{"input": {"data": {"type": 0, "internal": {"type": "int"}, "swagger": {"type": "integer", "example": 3}}}}'


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    """Rows are enough for pages: nothing is sent to a worker."""
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *args, **kwargs: None)


@pytest.fixture
def browse():
    """browse(user): what a browser would send, signed in; None is anonymous."""

    def make(user, **options) -> Client:
        client = Client(**options)
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture
def things(group, owner, contributor, reader):
    """One of everything in the group."""
    environment = factories.make_environment(group, is_default=True)
    version = factories.make_model_version(group, user=owner, tags=["flowers"], description="Names flowers.")
    manifest = factories.make_manifest(group, models=[version], user=owner)
    image = factories.make_image(group, manifest=manifest, user=owner)
    service = factories.make_service(group, name="iris", image=image, environment=environment)
    for slot in ("primary", "secondary"):
        plans.new_key(service, slot, owner)
    factories.make_collected(service)
    revision = service.revisions.get()
    Replica.objects.create(revision=revision, name="mp-one-r1-0", state="ready", observed_at=timezone.now())
    failed = factories.make_operation(
        group,
        label="iris:3",
        state=Operation.State.FAILED,
        manifest=manifest,
        environment=environment,
        created_by=owner,
        started_at=timezone.now(),
        ended_at=timezone.now(),
        error={
            "code": "BuildFailed",
            "message": "There is no package scikit-lern.",
            "fault": "yours",
            "file": "requirements.txt",
            "line": 1,
            "lines": ["the end"],
        },
    )
    running = factories.make_operation(
        group, label="iris:2", state=Operation.State.RUNNING, started_at=timezone.now(), environment=environment
    )
    step = OperationStep.objects.create(operation=running, order=1, name="resolve", title="Resolve the packages")
    path = step_log_path(step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("first line\n<script>alert(1)</script>\n")
    return SimpleNamespace(
        environment=environment,
        version=version,
        manifest=manifest,
        image=image,
        service=service,
        failed=failed,
        running=running,
        step=step,
        log=path,
    )


@pytest.fixture
def addresses(things) -> dict[str, str]:
    """Every page of the group that answers GET."""
    pages = {
        "home": "",
        "deploy": "deploy",
        "models": "models/",
        "new_model": "models/new",
        "model": "models/iris:1",
        "edit_model": "models/iris:1/edit",
        "delete_model": "models/iris:1/delete",
        "model_name": "models/iris/",
        "model_versions": "models/iris/?tab=versions",
        "model_used": "models/iris/?tab=used",
        "model_card": "models/iris:1?tab=card",
        "model_file": "models/iris:1/files/model.pkl",
        "compare_models": "models/iris:1/compare",
        "move_alias": "models/iris:1/alias",
        "edit_card": "models/iris:1/card?template=1",
        "manifests": "manifests/",
        "new_manifest": "manifests/new",
        "copy_manifest": "manifests/new?from=iris:1",
        "manifest": "manifests/iris:1",
        "delete_manifest": "manifests/iris:1/delete",
        "images": "images/",
        "new_image": "images/new",
        "image": "images/iris:1",
        "delete_image": "images/iris:1/delete",
        "environments": "environments/",
        "new_environment": "environments/new",
        "environment": "environments/local/",
        "edit_environment": "environments/local/edit",
        "delete_environment": "environments/local/delete",
        "services": "services/",
        "new_service": "services/new",
        "service": "services/iris/",
        "service_docs": "services/iris/docs",
        "service_openapi": "services/iris/openapi.json",
        "service_swagger": "services/iris/swagger.json",
        "service_metrics": "services/iris/metrics",
        "service_try": "services/iris/try",
        "service_keys": "services/iris/keys",
        "regenerate_key": "services/iris/keys/primary/regenerate",
        "service_logs": "services/iris/logs",
        "service_collected": "services/iris/collected",
        "collection_settings": "services/iris/collected/settings",
        "service_history": "services/iris/history",
        "roll_back": "services/iris/history/1/roll-back",
        "service_settings": "services/iris/settings",
        "follow_alias": "services/iris/follow",
        "delete_service": "services/iris/delete",
        "operations": "operations/",
        "operation": f"operations/{things.running.pk}",
        "failed_operation": f"operations/{things.failed.pk}",
        "operation_log": f"operations/{things.running.pk}/log",
        "members": "members/",
        "audit": "audit/",
        "activity": f"audit/?subject_type=modelversion&subject_id={things.version.pk}",
        "search": "search?q=iris",
        "running": "running",
    }
    return {name: f"/g/demo/{path}" for name, path in pages.items()}
