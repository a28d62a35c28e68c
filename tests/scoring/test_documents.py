"""Documents of the user's own: they win, know where they are served, and are refused with a sentence when they are none."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from scoring import placing
from scoring.errors import DriverFailed
from tests.scoring.conftest import IRIS_SCHEMA, run_python
from tests.scoring.test_server import problem

SCORE = "def init(): pass\ndef run(input_df): return len(input_df)\n"
TWO = {
    "swagger": "2.0",
    "info": {"title": "Mine", "version": "7"},
    "paths": {
        "/score": {"post": {"operationId": "mine", "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/A"}}}}}
    },
    "definitions": {"A": {"type": "object", "example": {"$ref": "data, not a reference"}}},
}
THREE = {
    "openapi": "3.1.0",
    "info": {"title": "Mine", "version": "8"},
    "paths": {"/score": {"post": {"operationId": "mine", "responses": {"200": {"description": "ok"}}}}},
}
WHERE = {"MODELPORT_SERVICE": "demo/iris", "MODELPORT_SERVER_URL": "https://scores.example/demo/iris", "SERVICE_VERSION": "4"}


@pytest.fixture
def own(folder):
    """`own(name=document, ...)`: the Iris example with these files beside it."""

    def make(**documents):
        place = folder(SCORE, IRIS_SCHEMA)
        for name, document in documents.items():
            (place / f"{name}.json").write_text(document if isinstance(document, str) else json.dumps(document))
        return place

    return make


def test_the_users_own_wins_and_is_told_where_it_is(start, own):
    replica = start(own(swagger=TWO, openapi=THREE), **WHERE, MODELPORT_SECRET="s3")
    secret = {"X-Modelport-Secret": "s3"}
    two, three = (json.loads(replica.call("GET", path, headers=secret)[2]) for path in ("/swagger.json", "/openapi.json"))
    OpenAPIV2SpecValidator(two).validate()
    OpenAPIV31SpecValidator(three).validate()
    assert (two["info"], two["host"], two["basePath"]) == ({"title": "Mine", "version": "7"}, "scores.example", "/demo/iris")
    assert two["paths"] == TWO["paths"] and two["security"] == [{"Bearer": []}]
    assert (three["info"]["version"], three["servers"]) == ("8", [{"url": "https://scores.example/demo/iris"}])
    assert three["security"] == [{"Key": []}]


def test_the_example_of_csv_is_one(start, own):
    replica = start(own())
    content = json.loads(replica.call("GET", "/openapi.json")[2])["paths"]["/score"]["post"]["requestBody"]["content"]
    assert replica.score(content["text/csv"]["example"], Content_Type="text/csv")[::2] == (200, b"1")


def test_versions_by_query(start, own):
    replica = start(own(swagger=THREE), **WHERE)
    for path, version in (("/swagger.json", "8"), ("/swagger.json?version=3.1", "8"), ("/openapi.json", "8")):
        assert json.loads(replica.call("GET", path)[2])["info"]["version"] == version
    made = json.loads(replica.call("GET", "/swagger.json?version=2.0")[2])
    assert (made["swagger"], made["info"]["title"]) == ("2.0", "iris")
    assert "/demo/iris/score" in made["paths"] and made["host"] == "scores.example"
    assert "there are 2, 2.0, 3, 3.0, 3.1" in problem(replica.call("GET", "/swagger.json?version=4"), 404, "NotFound")["message"]


def test_what_a_user_says_stays():
    said = {**TWO, "host": "mine.example", "basePath": "/x", "schemes": ["https"], "security": []}
    placed = placing.two(said, title="iris", version="4", url="http://scores.example/demo/iris", own=True)
    assert {name: placed[name] for name in said} == said
    said = {**THREE, "servers": [{"url": "https://mine.example"}], "components": {"securitySchemes": {"Mine": {}}}}
    assert placing.three(said, title="iris", version="4", server_url="http://x", own=True) == said
    bare = placing.three({**THREE, "info": {"description": "d"}}, title="iris", version="4", own=True, secured=False)
    assert bare["info"] == {"title": "iris", "version": "4", "description": "d"} and "security" not in bare


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "swagger.json is not JSON: line 1"),
        ("[" * 100_000, "is not JSON that can be read"),
        ("NaN", "NaN is not JSON"),
        ([], "it is an object with"),
        ({"swagger": "1.2", "paths": {"/a": {}}}, 'version "1.2"'),
        ({"openapi": 3, "paths": {"/a": {}}}, "version 3"),
        ({"swagger": "2.0", "paths": {}}, "no `paths`"),
        ({"swagger": "2.0", "paths": {"score": {}}}, 'the path "score"'),
        ({"swagger": "2.0", "paths": {"/a": {"$ref": "http://elsewhere/x.json"}}}, "leads out of the file"),
        ({"swagger": "2.0", "paths": {"/a": {"$ref": "#/definitions/B~1C"}}, "definitions": {}}, "leads nowhere"),
    ],
)
def test_what_cannot_be_served_is_said(own, document, says):
    with pytest.raises(DriverFailed) as caught:
        placing.own(own(swagger=document))
    assert says in caught.value.message and caught.value.message.startswith("swagger.json ")


def test_a_build_is_told_both_documents_and_what_is_wrong_with_them(own):
    told = run_python("-m", "scoring", own(swagger=TWO), "--probe")
    documents = json.loads(told.stdout.splitlines()[-1].partition(" ")[2])["details"]["documents"]
    assert documents["own"] == ["2"] and documents["2"]["info"]["title"] == "Mine"
    assert documents["3"]["paths"]["/score"]["post"]["requestBody"]["content"].keys() >= {"application/json", "text/csv"}
    failed = run_python("-m", "scoring", own(swagger="{"), "--probe")
    assert failed.returncode == 3 and "swagger.json is not JSON" in failed.stdout.splitlines()[-1]
