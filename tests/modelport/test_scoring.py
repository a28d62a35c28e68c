"""Calls through a real HAProxy, which the portal's own glue tells of services and keys."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from django.utils import timezone

from deployments import routing
from deployments.models import Replica, Service, ServiceKey
from modelport import ClientError
from registry.models import Image
from tests import factories
from tests.deployments.gateway_parts import Upstream, until
from tests.live_portal import free_port
from tests.scoring.conftest import IRIS_SCHEMA

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"input_df": [{"sepal length": 3.0}]}


@pytest.fixture
def row(portal, group, settings, tmp_path, worker):
    """A service with one ready replica behind a running gateway."""
    settings.GATEWAY_PORT = free_port()
    settings.GATEWAY_URL = f"http://127.0.0.1:{settings.GATEWAY_PORT}"
    row = factories.make_service(group, name="iris", timeout=5)
    revision = row.revisions.get()
    upstream = Upstream(service="demo/iris", secret=row.secret)
    upstream.revision, upstream.nonce, upstream.digest = revision.number, revision.nonce, revision.image.bundle_digest
    Replica.objects.create(revision=revision, name="r0", state="ready", address=upstream.route.address, observed_at=timezone.now())
    gateway = routing.gateway()
    gateway.ensure_initial()
    with open(tmp_path / "haproxy.log", "wb") as log:
        process = subprocess.Popen(gateway.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        until(lambda: gateway.running_generation() is not None, "HAProxy answers")
        routing.sync()
        yield row
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        upstream.stop()


def answered(service, **options):
    """The first answer after the gateway has seen that the replica is well."""

    def call():
        try:
            return service.score(BODY, **options)
        except ClientError as error:
            assert error.status == 503, error
            return None

    return until(call, "the service answers")


def test_a_session_key_is_asked_for_once_and_made_anew_when_it_is_refused(portal, row):
    service = portal.services.get("iris")
    answer = answered(service)
    assert answer["service"] == "demo/iris" and answer["body"] == '{"input_df": [{"sepal length": 3.0}]}'
    sessions = ServiceKey.objects.filter(slot="session")
    assert sessions.count() == 1
    service.score(BODY)
    assert sessions.count() == 1 and sessions.get().user.username == "contributor"
    sessions.all().delete()
    routing.sync()
    assert service.score(BODY)["service"] == "demo/iris" and sessions.count() == 1


def test_a_key_that_is_given_is_the_one_that_is_used(portal, row, owner, token_of):
    service = portal.services.get("iris")
    with pytest.raises(ClientError) as refused:
        service.score(BODY, key="mp_abcdefghijkl_" + "k" * 43)
    assert refused.value.status == 401 and refused.value.request_id and not ServiceKey.objects.filter(slot="session").exists()
    value = service.regenerate_key("primary")
    until(lambda: _accepted(service, value), "the gateway knows the key")
    assert answered(service, key=value)["service"] == "demo/iris"


def _accepted(service, key) -> bool:
    try:
        service.score(BODY, key=key)
    except ClientError as error:
        return error.status == 503
    return True


def test_a_public_service_needs_no_key(portal, row):
    Service.objects.filter(pk=row.pk).update(access="public")
    routing.sync()
    assert answered(portal.services.get("iris"))["service"] == "demo/iris"
    assert not ServiceKey.objects.filter(slot="session").exists()


def test_a_stopped_service_says_so(portal, row):
    Service.objects.filter(pk=row.pk).update(stopped=True)
    routing.sync()
    with pytest.raises(ClientError) as refused:
        portal.services.get("iris").score(BODY)
    assert refused.value.status == 503 and refused.value.code.lower() == "stopped"


def test_the_sample_of_the_schema_is_what_is_sent_without_data(signed_in, row, group, portal):
    """The original's own schema file, pickle and all, read by the portal."""
    revision = row.revisions.get()
    code = b"def init(): pass\ndef run(input_df): return input_df"
    manifest = factories.make_manifest(group, name="flowers", driver=code, schema=("service_schema.json", IRIS_SCHEMA.encode()))
    image = factories.make_image(group, name="flowers", manifest=manifest)
    Image.objects.filter(pk=image.pk).update(bundle_digest=revision.image.bundle_digest)
    row.revisions.update(image=image)
    service = portal.services.get("iris")
    assert service.sample() == {"input_df": [{"petal width": 0.25, "petal length": 1.3, "sepal width": 3.6, "sepal length": 3.0}]}
    answered(service)
    assert json.loads(signed_in("service", "run", "realtime", "-n", "iris").json["body"]) == service.sample()
    assert json.dumps(service.sample()) in signed_in("service", "usage", "realtime", "-n", "iris").out


def test_run_from_the_command_line(signed_in, row, portal, files):
    answered(portal.services.get("iris"))
    (files / "body.json").write_text('{"from": "a file"}')
    assert signed_in("service", "run", "realtime", "-n", "iris", "-d", '{"x": 1}').json["body"] == '{"x": 1}'
    assert signed_in("service", "run", "-i", row.pk, "-d", "@body.json").json["body"] == '{"from": "a file"}'
    assert signed_in("service", "run", "-n", "iris", "-d", "@-", input='{"from": "a pipe"}').json["body"] == '{"from": "a pipe"}'
    refused = signed_in("service", "run", "realtime", "-n", "iris").error
    assert "has no sample" in refused["message"] and refused["details"][0]["field"] == "data"
    refused = signed_in("service", "run", "realtime", "-n", "iris", "-d", "{}", "--key", "mp_wrong").error
    assert refused["statusCode"] == 401 and refused["requestId"]
