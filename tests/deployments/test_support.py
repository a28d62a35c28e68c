"""The support bundle helps somebody far away, and nothing in it opens anything."""

from __future__ import annotations

import io
import json
import os
import zipfile

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from deployments import plans, support, system
from portal import env
from portal.accounts.actions import issue_token
from portal.accounts.models import Event, User
from portal.masking import MASK, Masker
from tests import factories

pytestmark = pytest.mark.django_db
#: what may be found nowhere, and where it is planted
DATABASE, BROKER, STORED, PASSPHRASE = "d4tab@se/pw#1", "br0ker-pw", "st0rage?sas&key", "a pass phrase of words"


@pytest.fixture
def planted(group, owner, settings, monkeypatch, tmp_path) -> list[str]:
    """Secrets in every place from which the bundle is made; what is answered may stand nowhere in it."""
    monkeypatch.setattr(system, "PING_SECONDS", 0.01)
    folder = tmp_path / "logs"
    folder.mkdir()
    settings.LOG_DIR, settings.METRICS_TOKEN = folder, "metr1cs-token"
    for name, value in {
        "DATABASE_URL": f"postgresql://modelport:{DATABASE}@db.example.org/portal",
        "BROKER_URL": f"redis://:{BROKER}@broker.example.org:6379/0",
        "STORAGE_URL": f"s3://AKIAEXAMPLE:{STORED}@bucket?token=abcd1234",
        "METRICS_TOKEN": settings.METRICS_TOKEN,
        "PORT": "8099",
    }.items():
        env.text(name)
        monkeypatch.setitem(os.environ, f"MODELPORT_{name}", value)
    service = factories.make_service(group, name="iris", description="words of a person")
    key = plans.new_key(service, "primary", owner)
    _token, token = issue_token(user=owner, name="laptop", days=30)
    factories.make_operation(
        group,
        label="a label of theirs",
        error={"code": "BuildFailed", "fault": "yours", "message": "their own words", "lines": ["Traceback of theirs"]},
        started_at=timezone.now(),
    )
    factories.make_collected(service)
    lines = [
        f"INFO portal connecting to postgresql://modelport:{DATABASE}@db.example.org/portal",
        f"INFO call with Authorization: Bearer {key}",
        f"WARNING wrong token {token} of ada.lovelace@example.org",
        f'ERROR {{"password": "{PASSPHRASE}", "count": 3}}',
        f"INFO secret={service.secret} and bare {service.secret}",
        f"INFO http://127.0.0.1:8099/setup/{'aB3' * 14}/ opened, redis password {BROKER}",
        "INFO image sha256:" + "ab12" * 16 + " request 0123456789abcdef0123456789abcdef done",
    ]
    (folder / "web.log").write_text("\n".join(lines))
    return [
        *(DATABASE, BROKER, STORED, PASSPHRASE, settings.METRICS_TOKEN, settings.SECRET_KEY, service.secret, key, token),
        *("aB3" * 14, "ada.lovelace", "abcd1234", "AKIAEXAMPLE"),
        *("words of a person", "a label of theirs", "their own words", "Traceback of theirs", "setosa"),
    ]


def opened(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_no_secret_and_nothing_of_anybody_s_is_in_it(planted):
    files = opened(support.bundle())
    for name, text in files.items():
        found = [word for word in planted if word in text or json.dumps(word)[1:-1] in text]
        assert found == [], name


def test_what_helps_is_in_it(planted, group):
    files = opened(support.bundle())
    log = files["logs/web.log"]
    assert "sha256:" + "ab12" * 16 in log and "0123456789abcdef0123456789abcdef done" in log and "count" in log
    shown = json.loads(files["shown_settings.json"])
    assert shown["MODELPORT_PORT"] == "8099" and shown["MODELPORT_METRICS_TOKEN"] == MASK
    assert shown["MODELPORT_BROKER_URL"] == f"redis://{MASK}@broker.example.org:6379/0"
    (row,) = json.loads(files["operations.json"])
    assert (row["state"], row["error"]) == ("NotStarted", {"code": "BuildFailed", "fault": "yours"})
    assert {"database", "clock", "gateway", "worker-build"} <= {part["name"] for part in json.loads(files["health.json"])}
    versions = json.loads(files["versions.json"])
    assert versions["packages"]["Django"] and versions["database"].startswith(("sqlite", "postgresql"))
    assert json.loads(files["counts.json"])["rows"]["service"] == 1


def test_a_part_that_is_broken_does_not_keep_the_others(planted, monkeypatch):
    def broken():
        raise RuntimeError("no row with password=hunter22")

    monkeypatch.setattr(support, "counts", broken)
    broken.__name__ = "counts"
    files = opened(support.bundle())
    assert json.loads(files["counts.json"]) == {"unreadable": f"RuntimeError: no row with password={MASK}"}
    assert "versions.json" in files


def test_administrators_alone_take_one_by_each_door(planted, owner, client_for, tmp_path):
    admin = User.objects.create(username="admin", is_superuser=True)
    for user, page, rest in ((owner, 404, 403), (admin, 200, 200)):
        client = Client()
        client.force_login(user)
        assert client.post("/system/support-bundle").status_code == page
        assert client_for(user).get("/api/v1/system/support-bundle/").status_code == rest
    answer = client_for(admin).get("/api/v1/system/support-bundle/")
    assert "README.txt" in opened(answer.content) and answer["Content-Disposition"].startswith('attachment; filename="modelport-support-')
    assert Event.objects.filter(tag="support.downloaded", actor=admin).count() == 3
    call_command("support_bundle", "--to", str(tmp_path / "bundle.zip"))
    assert (tmp_path / "bundle.zip").stat().st_mode & 0o777 == 0o600
    assert "README.txt" in opened((tmp_path / "bundle.zip").read_bytes())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("amqp://guest:p@ss/w#rd@host:5672//", f"amqp://{MASK}@host:5672//"),
        ("https://index.example.org/simple?token=x", f"https://index.example.org/simple?{MASK}"),
        ("api_key = 'two words' next", f"api_key = {MASK} next"),
        ("Cookie: modelport=abc; other", f"Cookie: {MASK}; other"),
        ("tests.deployments.test_support ok", "tests.deployments.test_support ok"),
        ("a_function_with_quite_a_long_name_of_words failed", "a_function_with_quite_a_long_name_of_words failed"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said, shown):
    assert Masker().text(said) == shown
