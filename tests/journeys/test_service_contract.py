"""What a live service promises in its documents, through the gateway and with a key, is what it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import openapi_spec_validator
import pytest

from tests.journeys.portal_process import ROOT, PortalProcess

PORTAL = "docker"
pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

GROUP, PATH = "/groups/contract", "contract/iris"


@pytest.fixture(scope="module")
def key(portal, example) -> str:
    portal.new_group("contract")
    files = {"modelFiles": ("model.pkl", example.model.read_bytes()), **example.recipe()}
    made = portal.ask("POST", f"{GROUP}/deploy/", 202, data={"name": "iris"}, files=files)
    portal.finish(made, GROUP)
    return made["keys"]["primary"]


def document(portal: PortalProcess, name: str, key: str) -> dict:
    answer = httpx.get(f"{portal.gateway}/{PATH}/{name}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_schemathesis_finds_nothing(portal, key, tmp_path):
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{portal.gateway}/{PATH}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {key}", "--checks", "all", "--max-examples", "40", "--seed", "1", "--workers", "1"]
    command += ["--generation-database", "none"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "DJANGO_", "PYTEST_"))}
    hooks = {"SCHEMATHESIS_HOOKS": "tests.scoring.bodies_for_schemathesis", "SCHEMATHESIS_DOCUMENT": command[2], "SCHEMATHESIS_KEY": key}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=tmp_path,
        env={**kept, **hooks, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_the_documents_of_the_service_are_valid(portal, key):
    openapi, swagger = document(portal, "openapi.json", key), document(portal, "swagger.json", key)
    assert openapi["openapi"].startswith("3.1") and swagger["swagger"] == "2.0"
    openapi_spec_validator.validate(openapi, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
    openapi_spec_validator.validate(swagger, cls=openapi_spec_validator.OpenAPIV2SpecValidator)
    assert openapi["servers"][0]["url"] == f"{portal.gateway}/{PATH}"
    # As the original's: the service's place stands in the paths.
    assert swagger["host"] == portal.gateway.removeprefix("http://") and f"/{PATH}/score" in swagger["paths"]


def test_the_portal_shows_the_same_documents(portal, key):
    for name in ("openapi.json", "swagger.json"):
        shown = portal.ask("GET", f"{GROUP}/services/iris/{name}", 200)
        assert shown["paths"] == document(portal, name, key)["paths"]


def test_the_sample_of_the_document_is_a_request_that_works(portal, key):
    (example,) = document(portal, "openapi.json", key)["components"]["schemas"]["ServiceInput"]["examples"]
    assert document(portal, "swagger.json", key)["definitions"]["ServiceInput"]["example"] == example
    assert portal.score(PATH, key, example) == (200, "setosa")


def test_the_document_of_the_portal_is_valid(portal):
    answer = httpx.get(f"{portal.url}/api/openapi.json", headers={"Accept": "application/json"}, timeout=60)
    assert answer.status_code == 200
    openapi_spec_validator.validate(answer.json(), cls=openapi_spec_validator.OpenAPIV31SpecValidator)
