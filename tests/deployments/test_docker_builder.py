"""The builder contract on a Docker Engine, and what lies in the images it makes."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import shutil
import socket
import subprocess
import urllib.request
import uuid
from dataclasses import replace
from pathlib import Path

import docker
import pytest

import scoring
from deployments.builds.builders.base import Cancelled
from deployments.builds.builders.docker import DockerBuilder
from deployments.targets.base import Spec
from deployments.targets.docker import DockerTarget
from portal.errors import Unavailable
from tests.deployments.builder_contract import BuilderContract
from tests.deployments.contracts import ECHO
from tests.deployments.docker_parts import INSTALLATION, clean_engine, things  # noqa: F401
from tests.deployments.support import bundle_of, call, make_bundle, until

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """An image registry on loopback, which an engine trusts without TLS."""
    program = shutil.which("docker-registry")
    if not program:
        pytest.skip("docker-registry is not installed")
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}"
    (folder / "registry.yml").write_text(f"version: 0.1\nlog: {{level: error}}\n{storage}\nhttp: {{addr: '{address}', secret: test}}\n")
    process = subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: urllib.request.urlopen(f"http://{address}/v2/", timeout=2).status == 200, 10)
        yield address
    finally:
        process.terminate()
        process.wait(10)


class TestDockerBuilder(BuilderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def builder(cls, clean_engine):  # noqa: F811
        return DockerBuilder(installation=INSTALLATION)

    @property
    def index_host(self):
        [settings] = docker.from_env().api.inspect_network("bridge")["IPAM"]["Config"]
        return settings.get("Gateway") or str(next(ipaddress.ip_network(settings["Subnet"]).hosts()))

    def other_builder(self, **options):
        return DockerBuilder(installation=INSTALLATION, **options)

    def leftovers(self, builder):
        return things()

    def test_the_image_is_one_layer_on_the_environment_and_holds_no_tools(self, builder, environment, built):
        api = docker.from_env().api
        image, base = api.inspect_image(built(ECHO).digest), api.inspect_image(environment.digest)
        layers = image["RootFS"]["Layers"]
        assert layers[: len(base["RootFS"]["Layers"])] == base["RootFS"]["Layers"] and len(layers) == len(base["RootFS"]["Layers"]) + 1
        config = image["Config"]
        assert config["User"] == "10001:10001" and config["WorkingDir"] == "/app"
        assert config["Entrypoint"] == ["/opt/env/bin/python", "/opt/modelport/launch.py"]
        assert config["Cmd"] == ["serve", "--host", "0.0.0.0", "--port", "5001"]
        assert base["Size"] - api.inspect_image("python:3.11-slim-bookworm")["Size"] < 20_000_000, "uv is not in the environment"

    def test_a_base_image_that_does_not_exist_is_refused_in_words(self, report):
        builder = self.other_builder(base_images={"python": "127.0.0.1:9/none:{python}"})
        with pytest.raises(Exception, match=r"127\.0\.0\.1:9/none:3\.11"):
            builder.base("python", "3.11", report)

    def test_cancel_while_the_engine_makes_the_layer(self, builder, environment, report):
        self.cancel_while_bundling(builder, environment, report, "after the last byte")

    def test_cancel_while_the_environment_is_kept(self, builder, base, lock, report):
        key, before = uuid.uuid4().hex, self.leftovers(builder)
        report.on_line = lambda text: report.cancel() if text == "Keeping the environment" else None
        with pytest.raises(Cancelled):
            builder.install(base, lock, key, report)
        assert builder.find_environment(base, key) is None
        assert until(lambda: self.leftovers(builder) <= before, 20)

    def test_a_pushed_image_is_named_by_its_digest_and_pulled_by_it(self, builder, environment, report, registry):
        pushing = self.other_builder(registry=registry)
        local = pushing.bundle(environment, make_bundle(ECHO), name=uuid.uuid4().hex, labels={}, report=report)
        pushed = pushing.push(local, report)
        try:
            assert re.fullmatch(re.escape(registry) + r"/modelport/image@sha256:[0-9a-f]{64}", pushed.location)
            assert pushed.location.endswith("@" + pushed.digest)
        finally:
            pushing.discard(pushed.location)
        assert local.digest not in self.leftovers(builder), "no name keeps it in the engine"
        target = DockerTarget(installation=INSTALLATION)
        spec = Spec(f"s{uuid.uuid4().hex[:12]}-r1", pushed.location, pushed.digest, 1, cpu=0.5, memory=1 << 28)
        try:
            target.apply(spec)
            [replica] = until(lambda: [seen for seen in target.observe(spec.name) if call(seen.address, "/readyz", None, {})[0] == 200], 20)
            assert replica.digest_matches
            with pytest.raises(Unavailable):
                target.apply(replace(spec, digest="sha256:" + "0" * 64))
        finally:
            target.remove(spec.name, grace=1)
            pushing.discard(pushed.location)

    def test_a_registry_that_does_not_answer_is_ours_and_leaves_no_name(self, environment, builder, report):
        pushing = self.other_builder(registry="127.0.0.1:9/nobody")
        local = pushing.bundle(environment, make_bundle(ECHO), name=uuid.uuid4().hex, labels={}, report=report)
        try:
            with pytest.raises(Unavailable):
                pushing.push(local, report)
            assert docker.from_env().api.inspect_image(local.digest)["RepoTags"] == [local.location]
        finally:
            pushing.discard(local.location)

    def test_the_scoring_runtime_answers_in_a_real_image(self, builder, base, report):
        lock = builder.resolve(base, "\n".join(scoring.requirements()) + "\n", report)
        key = hashlib.sha256(f"scoring {base.digest} {lock}".encode()).hexdigest()
        environment = builder.find_environment(base, key) or builder.install(base, lock, key, report)
        content = {f"opt/modelport/{path}": Path(source).read_bytes() for path, source in scoring.runtime_files()}
        content["app/score.py"] = b"def init():\n    print('ready')\n\ndef run(body):\n    return {'length': len(body)}\n"
        bundle = bundle_of(content)
        built = builder.bundle(environment, bundle, name=uuid.uuid4().hex, labels={}, report=report)
        target = DockerTarget(installation=INSTALLATION)
        names = {"MODELPORT_SERVICE": "demo/length", "MODELPORT_REVISION": "1", "MODELPORT_NONCE": "n", "MODELPORT_SECRET": "s"}
        spec = Spec(f"s{uuid.uuid4().hex[:12]}-r1", built.location, built.digest, 1, cpu=0.5, memory=1 << 28, environment=names)
        try:
            probe = builder.probe(built, memory=1 << 28, timeout=60, report=report)
            assert probe.ok, probe
            target.apply(spec)
            until(lambda: call(target.observe(spec.name)[0].address, "/readyz", None, {"X-Modelport-Secret": "s"})[0] == 200, 20)
            [replica] = target.observe(spec.name)
            ready = json.loads(call(replica.address, "/readyz", None, {"X-Modelport-Secret": "s"})[1])
            assert ready["digest"] == bundle.digest and ready["service"] == "demo/length"
            assert call(replica.address, "/readyz", None, {})[0] == 403
            status, body = call(replica.address, "/score", "12345", {"X-Modelport-Secret": "s"})
            assert (status, json.loads(body)) == (200, {"length": 5})
        finally:
            target.remove(spec.name)
            builder.discard(built.location)

    def test_what_a_killed_worker_left_is_swept_when_it_is_old(self, builder, environment, built):
        api, kept = docker.from_env().api, built(ECHO)
        before = self.leftovers(builder)
        labels = {"modelport": INSTALLATION, "modelport.kind": "install"}
        container = api.create_container(environment.digest, ["true"], labels=labels)["Id"]
        api.commit(container, repository="modelport/temporary", tag=uuid.uuid4().hex, changes=[f"LABEL modelport={INSTALLATION}"])
        assert builder.sweep(older_than=3600) == 0 and self.leftovers(builder) > before
        assert builder.sweep(older_than=-10) == 2 and self.leftovers(builder) == before
        assert api.inspect_image(kept.digest)
