"""A real replica behind a real HAProxy: what run() is given and may answer, from outside."""

from __future__ import annotations

import json

import pytest

from deployments.gateway import ReplicaRoute, RevisionBackend
from tests.deployments.gateway_parts import KEY, Edge, iris
from tests.deployments.gateway_parts import until as wait_until
from tests.scoring.test_modes import RAW

SCORE = RAW.format(module="azureml.contrib.services").replace("import AMLResponse\n", "import AMLResponse\nimport os\n")
SCORE = SCORE.replace(
    "    if request.files:",
    '    if request.path != "/score" or "Authorization" in request.headers:\n        return 1 / 0\n    if request.files:',
)


@pytest.fixture
def edge(tmp_path, folder, bundle, start):
    place = tmp_path / "replica.sock"
    about = {"MODELPORT_SERVICE": "demo/iris", "MODELPORT_REVISION": "1", "MODELPORT_NONCE": "n", "MODELPORT_SECRET": "iris-secret"}
    start(bundle(folder(SCORE)), unix=place, **about)
    edge = Edge(tmp_path / "gateway")
    edge.gateway.ensure_initial()
    edge.start()
    edge.apply(iris(RevisionBackend(1, 100, "sha256:0123", "n", (ReplicaRoute("r0", f"unix@{place}"),))))
    wait_until(lambda: edge.call("/demo/iris/").status == 200, "the replica is used")
    yield edge
    edge.stop()


def test_raw_calls_from_outside(edge):
    answer = edge.call("/demo/iris/score?plain&a=1&a=2")
    assert (answer.status, answer.json["args"], answer.json["path"]) == (200, ["1", "2"], "/score?plain&a=1&a=2")
    assert edge.call("/demo/iris/score?plain", method="HEAD").status == 200
    answer = edge.call("/demo/iris/score?status=418")
    assert (answer.status, answer.body) == (418, b"{}")
    answer = edge.call(body=b"\x00\xff", headers=[("Content-Type", "application/octet-stream"), ("X-Request-Id", "mine")])
    assert (answer.status, answer.body, answer.headers["X-Mine"], answer.headers["Content-Type"]) == (299, b"\xff\x00", "yes", "image/png")
    assert answer.headers["X-Request-Id"] == "mine" and answer.headers["Set-Cookie"] is None
    assert edge.call("/demo/iris/score?plain", method="PUT").status == 405
    assert edge.call("/demo/iris/score?plain", key=None).status == 401


def test_the_other_protocol_and_the_documents(edge):
    assert edge.call("/demo/iris/v2/health/ready").json == {"ready": True}
    assert edge.call("/demo/iris/v2/models/iris").json["name"] == "iris"
    answer = edge.call("/demo/iris/v2/models/iris/infer", body=json.dumps({"inputs": []}).encode())
    assert answer.status == 400 and "call /score" in answer.json["error"]
    assert edge.call("/demo/iris/v2/health/ready", key=None).status == 401
    assert {"get", "post"} == set(edge.call("/demo/iris/openapi.json").json["paths"]["/score"])
    assert KEY not in edge.call("/demo/iris/swagger.json").body.decode()
