"""The builder contract on a Docker Engine, and what lies in the images it makes."""

from __future__ import annotations

import ipaddress

import docker
import pytest

from deployments.builds.builders.docker import DockerBuilder
from tests.deployments.contracts import ECHO, BuilderContract
from tests.deployments.docker_parts import INSTALLATION, clean_engine, things  # noqa: F401

pytestmark = pytest.mark.docker


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
