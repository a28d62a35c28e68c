"""Collected data in the browser: days, a preview side by side, files, settings, deletion; both doors agree."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deployments.collected import store, wire
from deployments.models import CollectedDay, Revision, Service
from scoring.spool import Spool
from tests import factories

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def service(group, settings, tmp_path):
    options = {"location": str(tmp_path / "collected")}
    settings.STORAGES = {**settings.STORAGES, "collected": {**settings.STORAGES["collected"], "OPTIONS": options}}
    service, spool = factories.make_service(group, name="iris", collect_data=True), Spool(limit=2**20)
    for identifier, rows in (("inputs", [[HOSTILE, 1]]), ("prediction", [[0.25]])):
        batch = {
            "model": "iris",
            "modelVersion": "3",
            "identifier": identifier,
            "timestamp": timezone.now().isoformat(),
            "correlationId": "",
        }
        spool.add({**batch, "requestId": "call-1", "columns": ["kind", "n"][: len(rows[0])], "rows": rows}, 1)
    spool.lose(7, ("iris", "3", "inputs"))
    store.keep(service, wire.read(spool.pull(0)))
    return service


TODAY = str(timezone.now().date())
HERE = "/g/demo/services/iris/collected"


def test_days_preview_and_files(service, browse, contributor):
    client = browse(contributor)
    text = client.get(HERE).content.decode()
    assert TODAY in text and ">7<" in text and "stored for 30 days" in text
    text = client.get(f"{HERE}/{TODAY}").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and HOSTILE not in text
    assert text.index("0.25") > text.index("&lt;script&gt;") and f"collected/demo/iris/iris/3/inputs/{TODAY.replace('-', '/')}" in text
    answer = client.get(f"{HERE}/download?first={TODAY}&last={TODAY}&format=jsonl")
    assert answer["Content-Disposition"] == f'attachment; filename="iris-{TODAY}.jsonl"'
    assert b"".join(answer.streaming_content).count(b"\n") == 2
    for wrong in (
        f"{HERE}/2000-01-01",
        f"{HERE}/nonsense",
        f"{HERE}/download?format=csv",
        f"{HERE}/download?first=2000-01-01&last=2000-01-01&format=csv",
    ):
        assert client.get(wrong).status_code == 404, wrong


def test_who_sees_and_deletes(service, browse, owner, contributor, reader, stranger):
    text = browse(reader).get(HERE).content.decode()
    assert "This needs" in text and TODAY not in text
    assert browse(reader).get(f"{HERE}/{TODAY}").status_code == 403
    assert browse(reader).get(f"{HERE}/download?first={TODAY}&last={TODAY}&format=csv").status_code == 403
    assert browse(stranger).get(HERE).status_code == 404
    assert browse(contributor).post(f"{HERE}/{TODAY}/delete").status_code == 403 and CollectedDay.objects.count() == 2
    answer = browse(owner).post(f"{HERE}/{TODAY}/delete", follow=True)
    assert "2 rows are deleted." in answer.content.decode() and not CollectedDay.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_settings_by_both_doors(door, group, owner, reader):
    service = factories.make_service(group, name="iris", image=factories.make_image(group, format="directory"))
    rules = [{"field": "email", "action": "mask"}]
    answer = door(owner).set_collection(group, "iris", collect_data=True, collect_days=7, collect_rules=rules)
    assert answer.ok, answer
    service.refresh_from_db()
    assert (service.collect_data, service.collect_days, service.collect_rules) == (True, 7, rules)
    revision = Revision.objects.get(service=service, number=2)
    assert revision.collect_data and revision.collect_rules == rules
    answer = door(owner).set_collection(group, "iris", collect_data=True, collect_days=0, collect_rules=[{"field": "x", "action": "burn"}])
    assert answer.status == 400 and answer.fields
    assert door(reader).set_collection(group, "iris", collect_data=False, collect_days=7, collect_rules=[]).status == 403
    assert door(owner).set_collection(group, "iris", collect_data=True, collect_days=8, collect_rules=rules).ok
    assert Revision.objects.filter(service=service).count() == 2, "how long rows are kept needs no rollout"
    assert Service.objects.get(pk=service.pk).collect_days == 8


def test_rules_are_rows_and_each_fault_stands_at_its_own(group, browse, contributor):
    service = factories.make_service(group, name="iris", collect_rules=[{"field": "email", "action": "mask"}])
    client, page = browse(contributor), "/g/demo/services/iris/collected/settings"
    shown = client.get(page).content.decode()
    assert shown.count('name="collect_rules-field"') == 5 and 'value="email"' in shown
    rows = {
        "collect_days": "30",
        "collect_rules-field": ["email", "phone", "", "EMAIL", ""],
        "collect_rules-action": ["mask", "", "drop", "hash", ""],
    }
    refused = client.post(page, rows)
    assert refused.status_code == 422
    text = refused.content.decode()
    for fault in ("Row 2: Choose what is done with phone.", "Row 3: Name the field.", "Row 4: EMAIL has a row above."):
        assert fault in text
    assert text.count('aria-invalid="true"') == 3 and 'value="phone"' in text
    # More rows: what was typed stays, and nothing is kept or complained of yet.
    more = client.post(page, {**rows, "more": "1"})
    assert more.status_code == 200 and more.content.decode().count('name="collect_rules-field"') == 24
    assert 'aria-invalid="true"' not in more.content.decode()
    service.refresh_from_db()
    assert service.collect_rules == [{"field": "email", "action": "mask"}]
