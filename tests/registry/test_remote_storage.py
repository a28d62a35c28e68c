"""Files in S3 (a real server over HTTP, on this machine) and, where one is named, in Azure Blob Storage; and how the URL is read."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from deployments.builds import context
from deployments.collected import export, reading, store, upkeep, wire
from deployments.models import CollectedPart
from portal.errors import Unavailable
from portal.storage_url import storages_of
from registry import checks, sweeping
from registry.models import Asset
from registry.storage import blob_name, blobs, open_asset, read_asset, store_bytes
from scoring.spool import Spool
from tests import factories
from tests.real_parts import AZURE_URL

KEY = "s/e+c=ret"


@pytest.fixture(scope="session")
def s3_server():
    """The address of an S3 server with the bucket `models`."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address, aws_access_key_id="key", aws_secret_access_key=KEY, region_name="us-east-1").create_bucket(
        Bucket="models"
    )
    yield address
    server.stop()


@pytest.fixture(params=["s3", "azure"] if AZURE_URL else ["s3"])
def remote(request, settings, tmp_path):
    """The URL of an empty place, in use."""
    if request.param == "azure":
        url = AZURE_URL
    else:
        address = request.getfixturevalue("s3_server")
        url = f"s3://key:{quote(KEY, safe='')}@models/team?endpoint={address}&region=us-east-1&addressing=path"
    found = storages_of(url.replace("/team", f"/{tmp_path.name}"), tmp_path)
    settings.STORAGES = {**settings.STORAGES, **found}
    settings.STAGING_DIR = tmp_path / "staging"
    settings.STAGING_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(settings.STAGING_DIR)
    return url


@pytest.mark.django_db
def test_models_live_in_a_remote_storage(remote, group):
    data = os.urandom(300_000)
    assert not checks.remote_storage_takes_files(None)
    manifest = factories.make_manifest(group, models=[factories.make_model_version(group, files={"model.pkl": data})])
    asset = Asset.objects.get(size=len(data))
    assert store_bytes(data).already_stored and read_asset(asset) == data and factories.staged() == []
    model = next(file for file in context.make_bundle(manifest).files if file.path == "app/model.pkl")
    with model.open() as opened:
        assert opened.read() == data, "what a builder copies into the image"
    blobs().delete(blob_name(asset.sha256))
    with pytest.raises(Unavailable), open_asset(asset) as lost:
        lost.read()


@pytest.mark.django_db
def test_what_nobody_needs_goes_from_a_remote_storage(remote):
    old = store_bytes(b"nobody's")
    Asset.objects.update(stored_at=timezone.now() - timedelta(days=2))
    stray = store_bytes(b"without a row")
    Asset.objects.filter(pk=stray.pk).delete()
    swept = sweeping.sweep(timedelta(seconds=-60), strays=True)
    assert swept.files == 2 and not blobs().exists(blob_name(old.sha256)) and not blobs().exists(blob_name(stray.sha256))


@pytest.mark.django_db
def test_collected_data_lives_in_a_remote_storage(remote, group):
    service, spool = factories.make_service(group), Spool()
    for index in range(3):
        batch = {"model": "iris", "modelVersion": "3", "identifier": "inputs", "timestamp": timezone.now().isoformat(), "correlationId": ""}
        spool.add({**batch, "requestId": "r", "columns": ["a"], "rows": [[index]]}, 1)
        store.keep(service, wire.read(spool.pull(index)))
    day = service.collected_days.get()
    assert upkeep._merge(day)
    part = reading.parts_of(service.collected_days.all())[0]
    assert store.storage().exists(part.name) and part.name.startswith("demo/demo/iris/3/inputs/")
    assert b"".join(export.export([part], "csv")).count(b"\n") == 4
    assert [row["a"] for row in reading.rows_of(part)] == [0, 1, 2]
    store.forget(service.collected_days.all())
    CollectedPart.objects.update(orphan_since=None)
    assert store.sweep_files() == 4 and not store.storage().exists(part.name)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("s3://key:secret@nothere?endpoint={address}&region=us-east-1&addressing=path", "NoSuchBucket"),
        ("s3://key:secret@models?endpoint=http://127.0.0.1:9&region=us-east-1", "127.0.0.1:9"),
    ],
)
def test_the_check_at_start_names_what_is_wrong(url, named, s3_server, settings, tmp_path):
    settings.STORAGES = {**settings.STORAGES, **storages_of(url.format(address=s3_server), tmp_path)}
    found = checks.remote_storage_takes_files(None)
    assert [error.id for error in found] == ["registry.E002"] and named in found[0].msg and "secret" not in found[0].msg


def test_a_url_is_read_and_refused_by_its_part(tmp_path):
    found = storages_of("s3://key:a%2Fb@bucket/some/prefix?region=eu-west-1", tmp_path)
    options = found["collected"]["OPTIONS"]
    assert (options["bucket_name"], options["location"], options["secret_key"], options["region_name"]) == (
        "bucket",
        "some/prefix/collected",
        "a/b",
        "eu-west-1",
    )
    assert "access_key" not in storages_of("s3://bucket", tmp_path)["blobs"]["OPTIONS"]
    azure = storages_of("azure://acc:k%3D%3D@box", tmp_path)["blobs"]["OPTIONS"]
    assert "AccountKey=k==;BlobEndpoint=https://acc.blob.core.windows.net;" in azure["connection_string"] and azure["location"] == "blobs"
    assert storages_of("", Path("/data"))["blobs"]["OPTIONS"]["location"] == "/data/blobs"
    assert storages_of("file:///srv/models", tmp_path)["collected"]["OPTIONS"]["location"] == "/srv/models/collected"
    wrong = {
        "ftp://x": "ftp is not known",
        "file://srv/models": "three slashes",
        "s3://": "no bucket",
        "s3://host:9000/bucket": "no bucket",
        "s3://hunter2@bucket": "neither",
        "s3://bucket?endpont=x": "endpont is not one",
        "azure://container": "no account",
        "azure://a:hunter2@box?endpoint=ftp://x": "http or https",
    }
    for url, said in wrong.items():
        with pytest.raises(ImproperlyConfigured, match=said) as caught:
            storages_of(url, tmp_path)
        assert "MODELPORT_STORAGE_URL" in str(caught.value) and "hunter2" not in str(caught.value)
