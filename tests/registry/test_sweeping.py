"""Bytes that nothing needs go, and never those that somebody came to need."""

from __future__ import annotations

import io
import os
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from registry import sweeping
from registry.actions.uploads import add_uploaded_file, open_upload_set
from registry.models import Asset, UploadSet
from registry.storage import blob_name, blobs, read_asset, store_bytes
from tests import factories
from tests.factories import staged

pytestmark = pytest.mark.django_db
OLD = timedelta(days=2)


@pytest.fixture(autouse=True)
def store(empty_store):
    return empty_store


def sweep(**options) -> str:
    out = io.StringIO()
    call_command("remove_orphan_assets", stdout=out, **options)
    return out.getvalue()


def grow_old(*assets: Asset) -> None:
    Asset.objects.filter(pk__in=[asset.pk for asset in assets]).update(stored_at=timezone.now() - OLD)


def test_only_old_bytes_without_a_user_go(group, contributor):
    orphan, fresh = store_bytes(b"orphan"), store_bytes(b"fresh")
    version = factories.make_model_version(group, files={"m": b"of a model"})
    manifest = factories.make_manifest(group, models=[version])
    upload_set = open_upload_set(user=contributor, group=group)
    uploaded = store_bytes(b"uploaded")
    add_uploaded_file(user=contributor, upload_set=upload_set, path="a", asset=uploaded)
    used = [version.files.get().asset, manifest.files.get().asset, uploaded]
    grow_old(orphan, *used)
    assert "1 files would be removed, 6 bytes" in sweep(dry_run=True)
    assert Asset.objects.filter(pk=orphan.pk).exists()
    assert "1 files removed, 6 bytes" in sweep()
    assert set(Asset.objects.all()) == {fresh, *used}
    assert not blobs().exists(blob_name(orphan.sha256)) and all(read_asset(asset) for asset in used)


def test_files_of_an_expired_upload_set_go(group, contributor):
    upload_set = open_upload_set(user=contributor, group=group)
    asset = store_bytes(b"forgotten")
    add_uploaded_file(user=contributor, upload_set=upload_set, path="a", asset=asset)
    grow_old(asset)
    UploadSet.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "1 expired upload sets removed" in sweep()
    assert not Asset.objects.exists() and not UploadSet.objects.exists()


def test_bytes_that_arrive_again_are_young_again():
    grow_old(store_bytes(b"again"))
    store_bytes(b"again")
    assert "0 files removed" in sweep()
    assert Asset.objects.count() == 1


def test_a_reference_made_after_the_list_was_read_saves_the_bytes(group, contributor):
    asset = store_bytes(b"wanted after all")
    grow_old(asset)
    (candidate,) = sweeping.orphan_assets(timedelta(days=1))
    add_uploaded_file(user=contributor, upload_set=open_upload_set(user=contributor, group=group), path="a", asset=asset)
    assert not sweeping.remove_orphan(candidate, timedelta(days=1))
    assert read_asset(asset) == b"wanted after all"


@pytest.mark.django_db(transaction=True)
def test_bytes_that_arrive_while_they_are_deleted_are_there_afterwards(monkeypatch):
    """The sweeper stands between the deletion of the row and that of the bytes when the same content arrives."""
    asset = store_bytes(b"both at once")
    grow_old(asset)
    deleting, found = threading.Event(), []

    def arrive():
        deleting.wait(10)
        try:
            found.append(store_bytes(b"both at once"))
        finally:
            connection.close()

    arriving = threading.Thread(target=arrive)
    arriving.start()
    storage = blobs()
    delete = storage.delete

    def slowly(name):
        deleting.set()
        time.sleep(0.5)
        delete(name)

    monkeypatch.setattr(storage, "delete", slowly)
    assert sweeping.remove_orphan(asset, timedelta(days=1))
    arriving.join(30)
    assert read_asset(found[0]) == b"both at once" and Asset.objects.filter(pk=asset.pk).exists()


def test_bytes_of_an_undone_transaction_go(store):
    with pytest.raises(RuntimeError), transaction.atomic():
        sha256 = store_bytes(b"undone").sha256
        raise RuntimeError
    path = store / "blobs" / blob_name(sha256)
    assert path.exists() and "0 files removed" in sweep()
    os.utime(path, (time.time() - 2 * 86400,) * 2)
    assert "1 files removed" in sweep() and not path.exists() and not Asset.objects.exists()


def test_staging_files_of_killed_processes_go(store):
    old, new = store / "staging" / "old.part", store / "staging" / "new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    assert "1 forgotten staging files removed" in sweep()
    assert staged() == ["new.part"]
