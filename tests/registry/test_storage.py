"""Bytes are stored once, whole, under their hash, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import threading

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.db import connection, transaction

from portal.errors import BadRequest, InsufficientStorage, TooLarge
from registry.models import Asset
from registry.storage import Incoming, blob_name, blobs, open_asset, read_asset, store_bytes
from tests.factories import staged

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(empty_store):
    return empty_store


def test_bytes_lie_under_their_hash_and_nobody_may_write_them(store):
    asset = store_bytes(b"a model")
    expected = hashlib.sha256(b"a model").hexdigest()
    path = store / "blobs" / "sha256" / expected[:2] / expected
    assert (asset.sha256, asset.size, path.read_bytes()) == (expected, 7, b"a model")
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert read_asset(asset) == b"a model"
    assert staged() == []


def test_the_same_content_is_stored_once():
    first, second = store_bytes(b"same"), store_bytes(b"same")
    assert first == second and not first.already_stored and second.already_stored
    assert Asset.objects.count() == 1


def test_empty_content_is_content():
    assert store_bytes(b"").size == 0


@pytest.mark.parametrize(
    ("announced", "code"),
    [({"expected_sha256": "0" * 64}, "DigestMismatch"), ({"expected_size": 8}, "Incomplete"), ({"expected_size": 6}, "Incomplete")],
)
def test_what_is_not_what_was_announced_is_not_kept(store, announced, code):
    incoming = Incoming()
    incoming.write(b"a model")
    with pytest.raises(BadRequest) as refused:
        incoming.finish(**announced)
    assert refused.value.code == code
    assert staged() == [] and not Asset.objects.exists() and not (store / "blobs").exists()


def test_an_upper_case_digest_is_the_same_digest():
    with Incoming() as incoming:
        incoming.write(b"x")
        assert incoming.finish(expected_sha256=hashlib.sha256(b"x").hexdigest().upper()).size == 1


def test_leaving_the_block_early_leaves_nothing(store):
    with pytest.raises(ValueError), Incoming() as incoming:
        incoming.write(b"half")
        raise ValueError
    assert staged() == []


def test_a_file_over_the_limit_is_413(settings):
    settings.MAX_FILE_BYTES = 10
    with pytest.raises(TooLarge), Incoming() as incoming:
        incoming.write(b"x" * 8)
        incoming.write(b"x" * 3)
    assert staged() == []


def test_a_full_disk_is_507_and_leaves_nothing(monkeypatch):
    """/dev/full is a disk that is full, by the kernel's word."""
    monkeypatch.setattr(Incoming, "_open", lambda self: open("/dev/full", "wb"))
    with pytest.raises(InsufficientStorage, match="disk is full"), Incoming() as incoming:
        incoming.write(b"x" * 2**20)
        incoming.finish()
    assert not Asset.objects.exists()


def test_a_row_whose_file_is_damaged_is_mended_by_the_next_arrival(store):
    asset = store_bytes(b"a model")
    path = store / "blobs" / blob_name(asset.sha256)
    path.unlink()
    assert read_asset(store_bytes(b"a model")) == b"a model"


def test_nothing_is_kept_when_the_transaction_is_undone():
    with pytest.raises(RuntimeError), transaction.atomic():
        store_bytes(b"undone")
        raise RuntimeError
    assert not Asset.objects.exists()
    assert read_asset(store_bytes(b"undone")) == b"undone"


@pytest.mark.django_db(transaction=True)
def test_two_that_arrive_at_once_become_one(store):
    data, found, barrier = os.urandom(2**20), [], threading.Barrier(4)

    def send():
        try:
            with Incoming() as incoming:
                incoming.write(data)
                barrier.wait(10)
                found.append(incoming.finish())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [getattr(asset, "size", asset) for asset in found] == [2**20] * 4
    assert sum(not asset.already_stored for asset in found) == 1
    assert Asset.objects.count() == 1 and staged() == []
    assert len([path for path in (store / "blobs").rglob("*") if path.is_file()]) == 1


def test_another_storage_can_take_the_place_of_the_disk(settings):
    """Any Django storage; this one has no rename, as S3 has none."""
    settings.STORAGES = {**settings.STORAGES, "blobs": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert isinstance(storages["blobs"], InMemoryStorage)
    first, second = store_bytes(b"far away"), store_bytes(b"far away")
    assert second.already_stored and blobs().exists(blob_name(first.sha256))
    with open_asset(second) as file:
        assert file.read() == b"far away"
    assert blobs().listdir(f"sha256/{first.sha256[:2]}")[1] == [first.sha256]
    assert staged() == []


def test_two_file_systems_are_refused_at_start(store, settings):
    from registry.checks import staging_lies_beside_the_blobs

    assert staging_lies_beside_the_blobs(None) == []
    settings.STAGING_DIR = "/dev/shm"
    assert [error.id for error in staging_lies_beside_the_blobs(None)] == ["registry.E001"]
