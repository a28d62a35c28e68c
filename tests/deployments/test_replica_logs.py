"""What replicas printed: merged, narrowed, followed, and never trusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from rest_framework.test import APIClient

from deployments import replica_logs
from deployments.logs import replica_log_path
from portal.errors import BadRequest
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
HOSTILE = "\x1b[31mred\x1b]8;;http://evil\x07 <script>alert(1)</script>"


def said(level: str, message: str, request_id: str = "", **more) -> str:
    return json.dumps({"level": level, "message": message, "requestId": request_id, **more})


@pytest.fixture
def service(group):
    found = factories.make_service(group, name="iris")
    printed = {
        "one": [(0, "plain words"), (20, said("ERROR", "it broke", "req-7", exc_info="Traceback\nValueError: x")), (40, "WARNING: low")],
        "two": [(10, said("INFO", "GET /", "req-8")), (30, HOSTILE), (50, "Traceback (most recent call last):")],
    }
    for replica, lines in printed.items():
        path = replica_log_path(found, replica)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{(NOON + timedelta(seconds=second)).isoformat()} {text}\n" for second, text in lines))
    older = replica_log_path(found, "one")
    older.with_name(f"{older.name}.1").write_text(f"{(NOON - timedelta(hours=1)).isoformat()} from before the rotation\n")
    yield found
    for path in older.parent.iterdir():
        path.unlink()


def read(service, query: str = "", **options) -> list[str]:
    return [line.message for line in replica_logs.read(service, replica_logs.Wanted.asked(QueryDict(query)), **options)]


def test_replicas_are_merged_by_time(service):
    assert [line.replica for line in replica_logs.read(service, replica_logs.Wanted())] == ["one", "two"] * 3
    assert read(service, most=2) == ["WARNING: low", "Traceback (most recent call last):"]
    assert read(service, "replica=two")[0] == "GET /" and read(service, "replica=../../secret") == []


def test_a_level_takes_the_graver_ones_too(service):
    assert [text.splitlines()[0] for text in read(service, "level=ERROR")] == ["it broke", "Traceback (most recent call last):"]
    assert len(read(service, "level=warning")) == 3


def test_lines_are_found_by_text_and_by_request(service):
    assert read(service, "q=BROKE") == ["it broke\nTraceback\nValueError: x"]
    assert read(service, "requestId=req-8") == ["GET /"] and read(service, "requestId=req") == []


def test_a_time_reads_older_files_too(service):
    assert "from before the rotation" not in read(service)
    assert read(service, "from=2026-05-03T10:00:00Z&to=2026-05-03T12:00:05Z") == ["from before the rotation", "plain words"]
    cursor = replica_logs.read(service, replica_logs.Wanted(), most=1)[0].cursor
    assert read(service, f"from={cursor.replace('+', '%2B')}") == []


@pytest.mark.parametrize(("query", "field"), [("level=LOUD", "level"), ("from=noon", "from"), ("to=x", "to")])
def test_a_question_that_cannot_be_is_refused_by_field(query, field):
    with pytest.raises(BadRequest) as refused:
        replica_logs.Wanted.asked(QueryDict(query))
    assert refused.value.details[0]["field"] == field


def test_hostile_lines_are_text(service, reader, client):
    client.force_login(reader)
    page = client.get("/g/demo/services/iris/logs").content.decode()
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page and "\x1b" not in page
    kept = b"".join(client.get("/g/demo/services/iris/logs/download?q=red")).decode()
    assert kept.count("\n") == 1 and "\x1b" not in kept and "two " in kept


def test_a_followed_page_asks_for_what_came_after_its_last_line(service, reader, client):
    client.force_login(reader)
    page = client.get("/g/demo/services/iris/logs?follow=1&level=ERROR").content.decode()
    assert "hx-trigger" in page and "from=2026-05-03T12%3A00%3A50" in page
    answer = client.get("/g/demo/services/iris/logs?follow=1&from=2026-05-03T12:00:45Z", headers={"HX-Request": "true"}).content.decode()
    assert answer.count("<li") == 1 and 'id="log-more"' in answer and "<html" not in answer


def test_rest_answers_lines_with_their_parts(service, reader, stranger):
    rest = APIClient()
    rest.force_login(reader)
    found = rest.get("/api/v1/groups/demo/services/iris/logs/", {"requestId": "req-7"}).json()
    assert set(found["replicas"]) == {"one", "two"}
    [line] = found["lines"]
    assert (line["level"], line["replica"], line["requestId"]) == ("ERROR", "one", "req-7") and line["text"].startswith("{")
    assert rest.get("/api/v1/groups/demo/services/iris/logs/", {"level": "x"}).status_code == 400
    rest.force_login(stranger)
    assert rest.get("/api/v1/groups/demo/services/iris/logs/").status_code == 404
