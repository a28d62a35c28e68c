"""Uploads in pieces (tus), through a real server that is killed in the middle."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from base64 import b64encode
from urllib.parse import urlsplit

import pytest

from tests.live_portal import live_portal

MIB = 2**20
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with live_portal(tmp_path_factory.mktemp("portal"), MAX_FILE_BYTES=str(100 * MIB), MAX_UPLOAD_BYTES=str(150 * MIB)) as running:
        yield running


@pytest.fixture
def client(portal):
    with portal.client() as client:
        yield client


@pytest.fixture
def upload_set(client) -> str:
    address = f"/api/v1/groups/demo/uploads/{client.post('/api/v1/groups/demo/uploads/').json()['id']}/"
    yield address
    client.delete(address)


def begin(client, upload_set: str, path: str, size: int, **more: str):
    said = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in {"path": path, **more}.items())
    return client.post(upload_set + "resumable/", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": said})


def send(client, address: str, data: bytes, offset: int):
    return client.patch(address, content=data, headers={**PIECE, "Upload-Offset": str(offset)})


def stands(client, address: str) -> int:
    return int(client.head(address, headers=TUS).headers["upload-offset"])


def wait_until(what, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_arrived_survives_a_cut_and_a_killed_server_and_the_hash_is_right(portal, client, upload_set):
    data = os.urandom(48 * MIB)
    address = begin(client, upload_set, "net/größe 🙂.bin", len(data), modified="17").headers["location"]
    url = urlsplit(portal.url)
    head = f"PATCH {address} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {portal.tokens['someone']}\r\nContent-Length: {len(data)}\r\n"
    head += "Upload-Offset: 0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in PIECE.items()) + "\r\n"

    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + data[: 10 * MIB])
    wait_until(lambda: stands(client, address) == 10 * MIB)  # not a byte of what came before the cut is sent twice

    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.replace("Upload-Offset: 0", f"Upload-Offset: {10 * MIB}").encode() + data[10 * MIB : 20 * MIB])
        wait_until(lambda: stands(client, address) > 10 * MIB)
        # A silent connection keeps nobody out; and the server dies.
        portal.kill_and_restart()
    offset = stands(client, address)
    assert 10 * MIB < offset <= 20 * MIB

    again = begin(client, upload_set, "net/größe 🙂.bin", len(data), modified="17")
    assert again.headers["location"] == address and again.json()["offset"] == offset
    listed = client.get("/api/v1/groups/demo/uploads/").json()
    assert [(one["unfinishedCount"], one["size"], one["offset"]) for one in listed] == [(1, len(data), offset)]
    early = client.post("/api/v1/groups/demo/models/", json={"name": "early", "uploadSet": upload_set.split("/")[-2]})
    assert (early.status_code, early.json()["code"]) == (409, "UploadUnfinished")

    answer = send(client, address, data[offset:], offset)
    assert answer.status_code == 204 and answer.headers["x-content-sha256"] == hashlib.sha256(data).hexdigest()
    assert answer.headers["x-already-stored"] == "false" and portal.staged() == []
    assert stands(client, address) == len(data)
    assert send(client, address, b"", len(data)).status_code == 204  # the last answer was lost, say
    registered = client.post("/api/v1/groups/demo/models/", json={"name": "survivor", "uploadSet": upload_set.split("/")[-2]})
    assert registered.status_code == 201, registered.text
    assert registered.json()["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert registered.json()["files"][0]["path"] == "größe 🙂.bin"


def test_pieces_of_two_senders_never_mix(client, upload_set):
    address = begin(client, upload_set, "a.bin", 10).headers["location"]
    assert send(client, address, b"01234", 0).headers["upload-offset"] == "5"
    refused = send(client, address, b"xx", 3)
    assert (refused.status_code, refused.json()["code"]) == (409, "OffsetMismatch")
    refused = send(client, address, b"xxxxxx", 5)
    assert (refused.status_code, refused.json()["code"]) == (413, "TooManyBytes")
    assert send(client, address, b"56789", 5).headers["x-content-sha256"] == hashlib.sha256(b"0123456789").hexdigest()


def test_another_file_of_the_same_name_begins_again(client, upload_set):
    first = begin(client, upload_set, "a.bin", 10, modified="1").headers["location"]
    send(client, first, b"01234", 0)
    second = begin(client, upload_set, "a.bin", 10, modified="2")
    assert second.headers["location"] != first and second.json()["offset"] == 0
    assert client.head(first, headers=TUS).status_code == 404


def test_a_wrong_digest_keeps_nothing_and_may_be_sent_again(portal, client, upload_set):
    address = begin(client, upload_set, "a.bin", 3, sha256=hashlib.sha256(b"abc").hexdigest()).headers["location"]
    refused = send(client, address, b"abx", 0)
    assert (refused.status_code, refused.json()["code"]) == (400, "DigestMismatch")
    assert stands(client, address) == 0 and portal.staged() == []
    assert send(client, address, b"abc", 0).status_code == 204


def test_a_whole_file_takes_the_place_of_one_that_was_begun_and_many_come_in_one_request(portal, client, upload_set):
    begun = begin(client, upload_set, "net/a.bin", 10).headers["location"]
    send(client, begun, b"01234", 0)
    files = [("files", ("a", b"whole")), ("files", ("b", b""))]
    kept = client.post(upload_set + "files/", files=files, data={"paths": ["net/a.bin", "net/b 🙂.bin"]})
    assert kept.status_code == 200, kept.text
    assert [(file["path"], file["size"], file["alreadyStored"]) for file in kept.json()] == [
        ("net/a.bin", 5, False),
        ("net/b 🙂.bin", 0, False),
    ]
    assert client.head(begun, headers=TUS).status_code == 404 and portal.staged() == []
    found = client.get(upload_set).json()
    assert [file["path"] for file in found["files"]] == ["net/a.bin", "net/b 🙂.bin"] and found["unfinished"] == []
    wrong = client.post(upload_set + "files/", files=files, data={"paths": ["net/a.bin"]})
    assert wrong.status_code == 400
    wait_until(lambda: portal.staged() == [])


def test_nothing_is_left_of_what_is_discarded(portal, client, upload_set):
    address = begin(client, upload_set, "a.bin", 10).headers["location"]
    send(client, address, b"01234", 0)
    assert len(portal.staged()) == 1
    assert client.delete(address, headers=TUS).status_code == 204
    assert portal.staged() == [] and client.head(address, headers=TUS).status_code == 404
    other = begin(client, upload_set, "b.bin", 10).headers["location"]
    send(client, other, b"01234", 0)
    assert client.delete(upload_set).status_code == 204 and portal.staged() == []
    assert send(client, other, b"56789", 5).status_code == 404


def test_limits_are_said_before_the_first_byte(portal, client, upload_set):
    assert begin(client, upload_set, "a.bin", 101 * MIB).json()["code"] == "TooLarge"
    assert begin(client, upload_set, "a.bin", 100 * MIB).status_code == 201
    assert begin(client, upload_set, "b.bin", 60 * MIB).json()["code"] == "TooMuchWaiting"
    assert begin(client, upload_set, "../b.bin", 1).status_code == 400
    assert client.post(upload_set + "resumable/", headers={"Upload-Length": "1"}).status_code == 412
    assert client.post(upload_set + "resumable/", headers={**TUS, "Upload-Length": "many"}).status_code == 400
    can = client.options(upload_set + "resumable/")
    assert can.status_code == 204 and can.headers["tus-max-size"] == str(100 * MIB) and "creation" in can.headers["tus-extension"]
    empty = begin(client, upload_set, "empty", 0)
    assert empty.headers["upload-offset"] == "0" and empty.headers["x-content-sha256"] == hashlib.sha256().hexdigest()


def test_a_strangers_bytes_are_not_told(portal, client, upload_set):
    """Whether somebody else has the same file cannot be found out by sending it."""
    portal.run(
        "from portal.accounts.models import Membership, ResourceGroup, User\n"
        "group = ResourceGroup.objects.create(name='theirs')\n"
        "Membership.objects.create(group=group, user=User.objects.get(username='reader'), role='owner')"
    )
    data = b"a secret model"
    with portal.client("reader") as stranger:
        theirs = stranger.post("/api/v1/groups/theirs/uploads/").json()["id"]
        assert stranger.put(f"/api/v1/groups/theirs/uploads/{theirs}/files/m", content=data).json()["alreadyStored"] is False
        assert stranger.put(f"/api/v1/groups/theirs/uploads/{theirs}/files/n", content=data).json()["alreadyStored"] is True
    assert client.put(upload_set + "files/m", content=data).json()["alreadyStored"] is False
    address = begin(client, upload_set, "n", len(data)).headers["location"]
    assert send(client, address, data, 0).headers["x-already-stored"] == "true"  # by now it is one's own
    with portal.client("reader") as stranger:
        assert stranger.head(address, headers=TUS).status_code in (403, 404)
