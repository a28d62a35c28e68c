"""Portal and replica tell the same of a service: the image remembers what its replica said when it was probed."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from deployments import swagger
from tests.factories import make_group, make_service
from tests.scoring.conftest import run_python

DECORATED = """
import numpy
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
def init(): pass
@input_schema("m", NumpyParameterType(numpy.array([[1, 2]])))
def run(m):
    return m * 2
"""

pytestmark = pytest.mark.django_db


def test_a_decorated_file_is_described_as_its_replica_describes_it(tmp_path):
    (tmp_path / "score.py").write_text(DECORATED)
    probed = run_python("-m", "scoring", tmp_path, "--probe")
    details = json.loads(probed.stdout.splitlines()[-1].partition(" ")[2])["details"]
    service = make_service(make_group())
    image = service.revisions.get().image
    image.manifest.service_schema = None
    image.manifest.save()
    image.probe = details
    image.save()
    three, two = swagger.openapi(service), swagger.swagger_2(service)
    OpenAPIV31SpecValidator(three).validate()
    OpenAPIV2SpecValidator(two).validate()
    assert three["components"]["schemas"]["ServiceInput"]["properties"]["m"]["items"]["maxItems"] == 2
    assert three["servers"] == [{"url": service.url}] and three["info"]["title"] == service.name
    assert any(path.endswith(f"/{service.name}/score") for path in two["paths"])
    assert swagger.sample(service) == {"m": [[1, 2]]}


@pytest.mark.parametrize("documents", [None, [], {"2": 3, "3": {"swagger": "2.0"}}, {"2": {"swagger": "2.0", "paths": {"x": 1}}, "own": 3}])
def test_what_is_no_document_is_left_aside(documents):
    service = make_service(make_group())
    image = service.revisions.get().image
    image.probe = {"documents": documents}
    image.save()
    OpenAPIV31SpecValidator(swagger.openapi(service)).validate()
    OpenAPIV2SpecValidator(swagger.swagger_2(service)).validate()
