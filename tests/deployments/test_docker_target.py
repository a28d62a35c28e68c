"""The target contract on a Docker Engine, and what is the engine's own: hardening, isolation, left-overs."""

from __future__ import annotations

import json
from dataclasses import replace

import docker
import pytest

from deployments.builds.builders.docker import DockerBuilder
from deployments.targets.docker import DockerTarget
from tests.deployments.contracts import TargetContract, build
from tests.deployments.docker_parts import INSTALLATION, clean_engine  # noqa: F401
from tests.deployments.support import make_bundle

pytestmark = pytest.mark.docker

#: Looks around from inside of a replica.
NOSY = """
import json, os, socket, urllib.request
def init(): pass
def connects(host, port):
    try:
        socket.create_connection((host, port), timeout=1.5).close()
        return True
    except OSError:
        return False
def run(body):
    question = json.loads(body)
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
    def writable(path):
        try:
            open(path, "w").close()
            return True
        except OSError:
            return False
    return {"uid": os.getuid(), "caps": status["CapEff"].strip(), "new_privileges": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
        "write_root": writable("/x"), "write_app": writable("/app/x"), "write_env": writable("/opt/env/x"), "write_tmp": writable("/tmp/x"),
        "environment": sorted(os.environ), "tools": os.path.exists("/opt/modelport-tools"), "socket": os.path.exists("/var/run/docker.sock"),
        "reached": [target for target in question if connects(*target)]}
"""


class TestDockerTarget(TargetContract):
    @pytest.fixture(scope="class")
    @classmethod
    def builder(cls, clean_engine):  # noqa: F811
        return DockerBuilder(installation=INSTALLATION)

    @pytest.fixture(scope="class")
    @classmethod
    def target(cls, clean_engine):  # noqa: F811
        return DockerTarget(installation=INSTALLATION)

    def kill(self, target, name, replica):
        docker.from_env().api.kill(replica)

    def test_every_limit_is_on_the_container(self, target, spec):
        target.apply(spec)
        [replica] = self.running(target, spec)
        about = docker.from_env().api.inspect_container(replica.name)
        host = about["HostConfig"]
        assert host["Memory"] == host["MemorySwap"] == spec.memory and host["NanoCpus"] == 500_000_000
        assert host["PidsLimit"] == spec.threads == 256 and host["CapDrop"] == ["ALL"] and host["SecurityOpt"] == ["no-new-privileges"]
        assert host["ReadonlyRootfs"] and host["Init"] and not host["Privileged"] and host["IpcMode"] == "private"
        assert host["RestartPolicy"]["Name"] == "no" and host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert not host["Binds"] and not host["PortBindings"] and list(about["NetworkSettings"]["Networks"]) == [target.network]
        assert about["Config"]["User"] == "10001:10001" and about["Image"] == spec.digest

    def test_from_inside_there_is_nothing_to_take_and_nowhere_to_go(self, target, spec, builder):
        built = build(builder, make_bundle(NOSY))
        try:
            nosy = replace(spec, image=built.location, digest=built.digest, replicas=2)
            target.apply(nosy)
            first, second = self.running(target, nosy, 2)
            host, port = second.address.split(":")
            places = [[host, int(port)], ["1.1.1.1", 443], ["169.254.169.254", 80]]
            seen = json.loads(self.ask(first, "/score", json.dumps(places))[1])
            assert seen["uid"] == 10001 and int(seen["caps"], 16) == 0 and seen["new_privileges"] == "1" and seen["seccomp"] == "2"
            assert (seen["write_root"], seen["write_app"], seen["write_env"], seen["write_tmp"]) == (False, False, False, True)
            assert not seen["tools"] and not seen["socket"] and "MODELPORT_SECRET" not in seen["environment"]
            assert seen["reached"] == []
        finally:
            target.remove(spec.name)
            builder.discard(built.location)

    def test_a_left_over_with_another_image_is_seen_and_replaced(self, target, spec, images):
        target.apply(spec)
        [good] = self.running(target, spec)
        api = docker.from_env().api
        labels = api.inspect_container(good.name)["Config"]["Labels"]
        target.remove_replica(spec.name, good.name)
        wrong = api.create_container(images["hog"].digest, name=f"{spec.name}-leftover", labels=labels)
        api.start(wrong)
        assert [replica.digest_matches for replica in target.observe(spec.name)] == [False]
        target.apply(spec)
        [other] = self.running(target, spec)
        assert other.name != f"{spec.name}-leftover" and other.digest_matches

    def test_another_installations_replicas_are_not_seen(self, target, spec):
        target.apply(spec)
        other = DockerTarget(installation=INSTALLATION + "-other")
        assert spec.name not in other.names() and other.observe(spec.name) == []
        other.remove(spec.name)
        assert len(target.observe(spec.name)) == 1

    def test_an_engine_that_is_not_there_is_said_with_a_cure(self):
        [check] = DockerTarget(base_url="unix:///nowhere/docker.sock").check()
        assert not check.ok and check.cure
