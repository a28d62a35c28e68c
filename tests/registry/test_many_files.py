"""Folders of many files: what they cost does not grow file by file."""

from __future__ import annotations

import hashlib
import os

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Asset, UploadSet
from registry.uploads import BlobUploadHandler, receive_form_files
from tests.doors import upload
from tests.factories import staged

pytestmark = pytest.mark.django_db
UPLOADS, MODELS = "/api/v1/groups/demo/uploads/", "/api/v1/groups/demo/models/"


@pytest.fixture(autouse=True)
def store(empty_store):
    return empty_store


@pytest.fixture
def client(client_for, contributor, group):
    return client_for(contributor)


def contents(number: int, mark: str) -> dict[str, bytes]:
    """Files up to 20 levels deep, each with bytes of its own."""
    return {"/".join(["net", *["deep"] * (each % 19), f"{each}.bin"]): f"{mark} {each}".encode() for each in range(number)}


def sending(files: dict[str, bytes]) -> dict[str, list]:
    return {
        "files": [upload("file", data) for data in files.values()],
        "paths": list(files),
        "sha256": [hashlib.sha256(data).hexdigest() for data in files.values()],
    }


def new_set(client) -> str:
    return f"{UPLOADS}{client.post(UPLOADS).json()['id']}/"


class Counting:
    """A REST client that keeps how many statements each named request took."""

    def __init__(self, client):
        self.client, self.counts = client, {}

    def __call__(self, what: str, method: str, url: str, *body, **options):
        with CaptureQueriesContext(connection) as queries:
            answer = getattr(self.client, method)(url, *body, **options)
            assert answer.status_code < 300, answer.content
        self.counts[what] = len(queries)
        return answer


def statements(client, number: int) -> dict[str, int]:
    """What two versions of `number` files each took."""
    ask, name = Counting(client), f"net-{number}"
    for mark in ("first", "second"):
        files, url = contents(number, f"{number} {mark}"), new_set(client)
        sent = ask(f"send {mark}", "post", f"{url}files/", sending(files), format="multipart").json()
        assert {file["path"]: file["sha256"] for file in sent} == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        assert len(ask(f"set {mark}", "get", url).json()["files"]) == number
        (told,) = ask(f"sets {mark}", "get", UPLOADS).json()
        assert (told["fileCount"], told["unfinishedCount"], told["size"]) == (number, 0, sum(map(len, files.values())))
        assert told["firstPath"] == min(files) and told["offset"] == told["size"]
        made = {"name": name, "uploadSet": url.split("/")[-2]}
        version = ask(f"register {mark}", "post", MODELS, made, format="json").json()
        assert version["fileCount"] == len(version["files"]) == number
    ask("tell", "get", f"{MODELS}{name}:2/")
    assert len(ask("compare", "get", f"{MODELS}{name}:2/compare?with={name}:1").json()["files"]) == number
    assert ask("download", "get", f"{MODELS}{name}:2/download").getvalue().count(b"PK\x01\x02") == number
    ask("delete", "delete", f"{MODELS}{name}:1/")
    return ask.counts


def test_no_statement_is_asked_file_by_file(client):
    """Sending, registering, telling, comparing, fetching and deleting 240 files takes as many statements as 40."""
    few, many = statements(client, 40), statements(client, 240)
    # SQLite takes some hundred values in a statement, so an insert of rows may be a few statements.
    assert {what: count for what, count in many.items() if count > few[what] + 4} == {}


def test_the_same_bytes_twice_in_one_request_are_one_asset(client):
    url = new_set(client)
    files = {"net/a": b"same", "net/b": b"same", "net/c": b""}
    answer = client.post(f"{url}files/", sending(files), format="multipart")
    assert [file["alreadyStored"] for file in answer.json()] == [False] * 3
    again = client.post(f"{url}files/", sending(files), format="multipart")
    assert [file["alreadyStored"] for file in again.json()] == [True] * 3
    assert Asset.objects.count() == 2 and UploadSet.objects.get().files.count() == 3 and staged() == []


def test_one_wrong_digest_and_none_is_kept(client):
    url = new_set(client)
    asked = sending(contents(5, "as announced"))
    asked["sha256"][3] = "0" * 64
    answer = client.post(f"{url}files/", asked, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "DigestMismatch")
    asked = sending(contents(5, "as announced"))
    answer = client.post(f"{url}files/", {**asked, "sha256": asked["sha256"][:4]}, format="multipart")
    assert answer.status_code == 400 and "one digest a file" in answer.json()["message"]
    assert not Asset.objects.exists() and client.get(url).json()["files"] == [] and staged() == []


def test_a_form_of_many_files_holds_no_descriptor_for_each(rf):
    request = rf.post("/", {"files": [upload(f"{each}.bin", b"%d" % each) for each in range(300)]})
    request.upload_handlers = [BlobUploadHandler(request)]
    before = len(os.listdir("/proc/self/fd"))
    files = request.FILES
    assert len(staged()) == 300 and len(os.listdir("/proc/self/fd")) < before + 10
    assert len(receive_form_files(files)) == 300 and staged() == []
    request.close()
