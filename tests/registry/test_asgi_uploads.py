"""The streaming door, with a real server, real sockets and large bodies."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from urllib.parse import quote, urlsplit

import pytest

from tests.live_portal import live_portal

MIB = 2**20


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with live_portal(tmp_path_factory.mktemp("portal"), MAX_FILE_BYTES=str(400 * MIB), MAX_FILES="5") as running:
        yield running


@pytest.fixture
def client(portal):
    with portal.client() as client:
        yield client


@pytest.fixture
def files_url(client) -> str:
    answer = client.post("/api/v1/groups/demo/uploads/")
    assert answer.status_code == 201 and answer.json()["files"] == [] and answer.json()["expiresAt"]
    return f"/api/v1/groups/demo/uploads/{answer.json()['id']}/files/"


def settled(portal, seconds: float = 5) -> list:
    """What is left in the staging folder once the server had time to notice."""
    deadline = time.monotonic() + seconds
    while portal.staged() and time.monotonic() < deadline:
        time.sleep(0.05)
    return portal.staged()


def test_a_large_body_leaves_memory_flat(portal, client, files_url):
    chunk, count = os.urandom(MIB), 300
    whole = hashlib.sha256()
    for _ in range(count):
        whole.update(chunk)
    client.put(files_url + "warm", content=b"x" * MIB)
    before, highest = portal.memory(), 0

    def body():
        nonlocal highest
        for index in range(count):
            yield chunk
            if index % 20 == 0:
                highest = max(highest, portal.memory())

    answer = client.put(
        files_url + "big/model.bin", content=body(), headers={"X-Content-SHA256": whole.hexdigest(), "Content-Length": str(count * MIB)}
    )
    highest = max(highest, portal.memory())
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"path": "big/model.bin", "size": count * MIB, "sha256": whole.hexdigest(), "alreadyStored": False}
    assert highest - before < 50 * MIB, f"{(highest - before) / MIB:.0f} MiB more than before"
    stored = portal.data / "blobs" / "sha256" / whole.hexdigest()[:2] / whole.hexdigest()
    assert stored.stat().st_size == count * MIB and settled(portal) == []

    registered = client.post("/api/v1/groups/demo/models/", json={"name": "big", "uploadSet": files_url.split("/")[-3]})
    assert registered.status_code == 201, registered.text
    before, highest, fetched = portal.memory(), 0, hashlib.sha256()
    with client.stream("GET", "/api/v1/groups/demo/models/big:1/files/big/model.bin") as answer:
        assert answer.headers["content-length"] == str(count * MIB)
        for index, part in enumerate(answer.iter_raw(MIB)):
            fetched.update(part)
            if index % 20 == 0:
                highest = max(highest, portal.memory())
    assert fetched.hexdigest() == whole.hexdigest()
    assert highest - before < 50 * MIB, f"download: {(highest - before) / MIB:.0f} MiB more than before"


def test_the_same_bytes_again_are_not_stored_again(portal, client, files_url):
    data = os.urandom(1000)
    first, second = (client.put(files_url + name, content=data).json() for name in ("a", "b"))
    assert (first["alreadyStored"], second["alreadyStored"]) == (False, True) and first["sha256"] == second["sha256"]
    listed = client.get(files_url.removesuffix("files/")).json()["files"]
    assert [file["path"] for file in listed] == ["a", "b"]


@pytest.mark.parametrize("sent", ["half", "nothing"])
def test_a_body_that_is_cut_off_leaves_nothing(portal, client, files_url, sent):
    blobs, url = set(portal.blobs()), urlsplit(portal.url)
    head = f"PUT {files_url}cut.bin HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {portal.tokens['someone']}\r\nContent-Length: {20 * MIB}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + (os.urandom(10 * MIB) if sent == "half" else b""))
        time.sleep(0.5)
    assert settled(portal) == []
    assert set(portal.blobs()) == blobs
    assert client.get(files_url.removesuffix("files/")).json()["files"] == []
    assert client.put(files_url + "cut.bin", content=b"again").status_code == 200


@pytest.mark.parametrize("sent", ["half", "nothing"])
def test_a_chunked_body_that_is_cut_off_leaves_nothing(portal, client, files_url, sent):
    """Without a Content-Length only the last chunk says that all has arrived."""
    url = urlsplit(portal.url)
    head = f"PUT {files_url}cut.bin HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {portal.tokens['someone']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + (b"400000\r\n" + os.urandom(4 * MIB) + b"\r\n" if sent == "half" else b""))
        time.sleep(0.5)
    assert settled(portal) == []
    assert client.get(files_url.removesuffix("files/")).json()["files"] == []


def test_a_wrong_digest_keeps_nothing(portal, client, files_url):
    blobs = set(portal.blobs())
    answer = client.put(files_url + "m.bin", content=b"not what was announced", headers={"X-Content-SHA256": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (400, "DigestMismatch")
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert set(portal.blobs()) == blobs and settled(portal) == []


def test_limits(portal, client, files_url):
    assert client.put(files_url + "m", content=b"x", headers={"X-Content-SHA256": "abc"}).status_code == 400

    url = urlsplit(portal.url)
    head = f"PUT {files_url}m HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {portal.tokens['someone']}\r\nContent-Length: {401 * MIB}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(200).split(b"\r\n")[0]  # before a byte of the body was sent
    for name in "abcde":
        assert client.put(files_url + name, content=b"x").status_code == 200
    answer = client.put(files_url + "f", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (413, "TooManyFiles")
    assert len(client.get(files_url.removesuffix("files/")).json()["files"]) == 5 and settled(portal) == []


@pytest.mark.parametrize("path", ["..%2Fx", "a/../x", "%2Fetc", "a%5Cb", "a%00b", "%FF", "a//b", "con", "~x", "x" * 513])
def test_bad_paths(portal, client, files_url, path):
    url = urlsplit(portal.url)
    request = f"PUT {files_url}{path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {portal.tokens['someone']}\r\nContent-Length: 1\r\n\r\nx"
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(65536)
    assert b" 400 " in answer.split(b"\r\n")[0] and b'"field": "path"' in answer, answer
    assert client.get(files_url.removesuffix("files/")).json()["files"] == []


@pytest.mark.parametrize("path", ["ordner/größe.bin", "with space", "100%.txt", "a?b", "日本/モデル"])
def test_paths_keep_their_signs(client, files_url, path):
    answer = client.put(files_url + quote(path), content=b"x")
    assert answer.status_code == 200 and answer.json()["path"] == path
    assert client.delete(files_url + quote(path)).status_code == 204


def test_who_may_send(portal, client, files_url):
    with portal.client("") as nobody, portal.client("reader") as reader:
        answer = nobody.put(files_url + "m", content=b"x")
        assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
        assert nobody.put(files_url + "m", content=b"x", headers={"Authorization": "Bearer mpu_wrong"}).status_code == 401
        assert reader.put(files_url + "m", content=b"x").status_code == 403
        assert reader.post("/api/v1/groups/demo/uploads/").status_code == 403
    assert client.put(files_url.replace("/demo/", "/other/") + "m", content=b"x").status_code == 404
    assert client.put("/api/v1/groups/demo/uploads/nonsense/files/m", content=b"x").status_code == 404
    assert client.put(files_url + "m", content=b"x", headers={"Host": "evil.example"}).status_code == 400
    assert settled(portal) == []


def test_a_session_needs_the_check_against_forged_requests(portal, client, files_url):
    session = portal.session()
    token = "a" * 32
    with portal.client("", cookies={"modelport": session, "modelport-csrf": token}) as browser:
        refused = browser.put(files_url + "m", content=b"x")
        assert refused.status_code == 403 and "CSRF" in refused.json()["message"]
        crossed = browser.put(files_url + "m", content=b"x", headers={"X-CSRFToken": token, "Origin": "http://evil.example"})
        assert crossed.status_code == 403
        allowed = browser.put(files_url + "m", content=b"x", headers={"X-CSRFToken": token, "Origin": portal.url})
        assert allowed.status_code == 200, allowed.text
