"""Upload sets, and the handler for forms without JavaScript."""

from __future__ import annotations

import gc
import io
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import UnreadablePostError
from django.test import RequestFactory
from django.utils import timezone

from portal.errors import Conflict, InsufficientStorage, TooLarge
from registry.actions.uploads import add_uploaded_file, check_open, open_upload_set
from registry.models import Asset, UploadSet
from registry.storage import Incoming, store_bytes
from registry.uploads import BlobUploadHandler, FormFile, read_small, receive_form_files
from tests.doors import upload
from tests.factories import staged

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(empty_store):
    return empty_store


def form(**fields):
    """A request as a browser sends it, with our handler."""
    request = RequestFactory().post("/", fields)
    request.upload_handlers = [BlobUploadHandler(request)]
    return request


def test_a_form_is_hashed_while_it_arrives_and_kept_when_asked(store):
    request = form(name="iris", files=[upload("a.bin", b"1" * 200_000), upload("b.bin", b"2")])
    files = request.FILES
    assert all(isinstance(file, FormFile) for file in files.getlist("files")) and len(staged()) == 2
    assert not Asset.objects.exists()
    kept = receive_form_files(files, paths=["m/a.bin", "m/b.bin"])
    assert [(path, asset.size) for path, asset in kept] == [("m/a.bin", 200_000), ("m/b.bin", 1)]
    assert staged() == [] and Asset.objects.count() == 2
    request.close()


def test_what_a_view_did_not_ask_for_is_dropped(store):
    request = form(files=[upload("a.bin", b"1")])
    assert len(request.FILES) == 1 and len(staged()) == 1
    request.close()
    assert staged() == [] and not Asset.objects.exists()


class CutOff(io.BytesIO):
    """A connection that ends in the middle."""

    def read(self, size=-1, /):
        data = super().read(size)
        if not data:
            raise OSError("connection reset by peer")
        return data


def test_an_interrupted_form_leaves_nothing(store):
    whole = form(files=[upload("a.bin", b"1" * 300_000), upload("b.bin", b"2" * 300_000)])
    sent = CutOff(whole.body[:450_000])
    environ = {"wsgi.input": sent, "CONTENT_LENGTH": 601_000, "CONTENT_TYPE": whole.META["CONTENT_TYPE"]}
    request = RequestFactory().generic("POST", "/", **environ)
    request.upload_handlers = [BlobUploadHandler(request)]
    with pytest.raises(UnreadablePostError):
        list(request.FILES.values())
    request.close()
    del request
    gc.collect()
    assert not Asset.objects.exists() and staged() == []


def test_a_form_file_over_the_limit(store, settings):
    settings.MAX_FILE_BYTES = 100
    with pytest.raises(TooLarge):
        form(files=[upload("a.bin", b"1" * 200)]).FILES  # noqa: B018
    assert staged() == []


def test_a_form_on_a_full_disk(store, monkeypatch):
    monkeypatch.setattr(Incoming, "_open", lambda self: open("/dev/full", "wb"))
    with pytest.raises(InsufficientStorage):
        form(files=[upload("a.bin", b"1" * 2**20)]).FILES  # noqa: B018


def test_any_uploaded_file_is_received():
    kept = receive_form_files([SimpleUploadedFile("a.txt", b"words")])
    assert [(path, asset.size) for path, asset in kept] == [("a.txt", 5)]


def test_paths_are_checked_before_anything_is_stored():
    for paths in (["only one"], ["../a", "b"]):
        with pytest.raises(ValidationError) as refused:
            receive_form_files([SimpleUploadedFile("a", b"1"), SimpleUploadedFile("b", b"2")], paths=paths)
        assert list(refused.value.message_dict) == ["files"]
    assert not Asset.objects.exists()


def test_small_texts_are_read_without_being_stored():
    file = form(driver=upload("score.py", b"def init(): pass")).FILES["driver"]
    assert read_small(file, 100) == b"def init(): pass" and read_small(file, 3) == b"def "
    file.close()
    assert not Asset.objects.exists() and staged() == []


def test_a_set_that_has_expired_takes_nothing(group, contributor):
    upload_set = open_upload_set(user=contributor, group=group)
    assert timedelta(hours=23) < upload_set.expires_at - timezone.now() <= timedelta(hours=24)
    UploadSet.objects.update(expires_at=timezone.now())
    with pytest.raises(Conflict, match="expired"):
        add_uploaded_file(user=contributor, upload_set=upload_set, path="a", asset=store_bytes(b"a"))


def test_the_same_path_again_replaces(group, contributor):
    upload_set = open_upload_set(user=contributor, group=group)
    for data in (b"old", b"new!"):
        add_uploaded_file(user=contributor, upload_set=upload_set, path="a", asset=store_bytes(data))
    assert [file.asset.size for file in upload_set.files.all()] == [4]
    check_open(user=contributor, upload_set=upload_set)


def test_upload_sets_over_rest(client_for, group, contributor, reader):
    client = client_for(contributor)
    made = client.post("/api/v1/groups/demo/uploads/")
    url = f"/api/v1/groups/demo/uploads/{made.json()['id']}/"
    assert made.status_code == 201 and made.json()["files"] == []
    sent = client.put(f"{url}files/m/a.bin", b"123", content_type="application/octet-stream")
    assert sent.json() == {"path": "m/a.bin", "size": 3, "sha256": sent.json()["sha256"], "alreadyStored": False}
    assert (
        client.put(f"{url}files/b", b"1", content_type="application/octet-stream", headers={"X-Content-SHA256": "0" * 64}).json()["code"]
        == "DigestMismatch"
    )
    assert [file["path"] for file in client.get(url).json()["files"]] == ["m/a.bin"]
    assert client_for(reader).get(url).status_code == 404
    assert client.delete(f"{url}files/m/a.bin").status_code == 204 and client.delete(f"{url}files/m/a.bin").status_code == 404
    assert client.delete(url).status_code == 204 and client.get(url).status_code == 404
