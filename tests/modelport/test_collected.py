"""Collected data through the client and the command line, over a live portal."""

from __future__ import annotations

import csv

import pytest
from django.utils import timezone

from deployments.collected import store, wire
from modelport import ClientError
from scoring.spool import Spool
from tests import factories

TODAY = str(timezone.now().date())


@pytest.fixture
def service(portal, group, environment, settings, tmp_path):
    options = {"location": str(tmp_path / "collected")}
    settings.STORAGES = {**settings.STORAGES, "collected": {**settings.STORAGES["collected"], "OPTIONS": options}}
    service, spool = factories.make_service(group, name="iris", environment=environment), Spool()
    for identifier in ("inputs", "prediction"):
        batch = {
            "model": "iris",
            "modelVersion": "3",
            "identifier": identifier,
            "timestamp": timezone.now().isoformat(),
            "correlationId": "",
        }
        spool.add({**batch, "requestId": "r", "columns": ["a"], "rows": [[1], [2]]}, 2)
    store.keep(service, wire.read(spool.pull(0)))
    return portal.services.get("iris")


def test_days_preview_download_and_deletion(service, signed_in, modelport, owner, token_of, portal, tmp_path):
    found = signed_in("service", "data", "list", "-n", "iris", "--from", TODAY).json
    assert [(day["identifier"], day["rows"]) for day in found] == [("inputs", 2), ("prediction", 2)] and found == service.collected.days()
    shown = signed_in("service", "data", "show", "realtime", "-n", "iris", "--day", TODAY).json
    assert [line["cells"] for line in shown["rows"]] == [[[1], [1]], [[2], [2]]]
    target = tmp_path / "rows.csv"
    assert signed_in("service", "data", "download", "-n", "iris", "--file", str(target), "--identifier", "inputs").json["path"] == str(
        target
    )
    assert [row["a"] for row in csv.DictReader(target.open())] == ["1", "2"]
    assert "there already" in signed_in("service", "data", "download", "-n", "iris", "--file", str(target)).error["message"]
    assert signed_in("service", "data", "download", "-n", "iris", "--file", "rows.txt").error["details"][0]["field"] == "format"
    assert signed_in("service", "data", "delete", "-n", "iris", "--from", TODAY).error["statusCode"] == 403
    assert modelport("login", "--url", portal.transport.url, "--token", token_of(owner)).code == 0
    assert modelport("service", "data", "delete", "-n", "iris", "--from", TODAY).json == {"deletedRows": 4}
    assert service.collected.days() == []
    with pytest.raises(ClientError, match="no such rows"):
        service.collected.download(tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists() and not (tmp_path / "none.parquet.part").exists()


def test_rules_and_days_from_the_command_line(service, signed_in):
    signed_in(
        "service", "update", "-n", "iris", "--collect-rule", "Email=mask", "--collect-rule", "iban=drop", "--collect-days", "7", "--no-wait"
    )
    service.reload()
    rules = [{"field": "Email", "action": "mask"}, {"field": "iban", "action": "drop"}]
    assert (service.collect_rules, service.collect_days) == (rules, 7)
    assert signed_in("service", "update", "-n", "iris", "--collect-rule", "email").error["details"][0]["field"] == "collect_rules"
    assert signed_in("service", "update", "-n", "iris", "--collect-rule", "email=burn").error["statusCode"] == 400
    signed_in("service", "update", "-n", "iris", "--collect-rule", "none", "--no-wait")
    assert service.reload().collect_rules == []
