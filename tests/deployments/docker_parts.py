"""What the Docker tests share: an installation of their own, removed by its label."""

from __future__ import annotations

import uuid

import docker
import pytest

INSTALLATION = f"test-{uuid.uuid4().hex[:8]}"
FILTER = {"label": f"modelport={INSTALLATION}"}


def things() -> set[str]:
    """Every container and image of this test run, unnamed images included."""
    api = docker.from_env().api
    return {item["Id"] for item in api.containers(all=True, filters=FILTER)} | {item["Id"] for item in api.images(all=True, filters=FILTER)}


@pytest.fixture(scope="session")
def clean_engine():
    yield
    api = docker.from_env().api
    for container in api.containers(all=True, filters=FILTER):
        api.remove_container(container["Id"], force=True, v=True)
    for image in api.images(filters=FILTER):
        api.remove_image(image["Id"], force=True)
    for network in api.networks(filters=FILTER):
        api.remove_network(network["Id"])
