"""Collected rows: kept once whatever dies, put together, joined, exported, deleted with their files."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from deployments.collected import export, joining, reading, rules, store, upkeep, wire
from deployments.models import CollectedDay, CollectedPart, CollectedSource, Service
from portal.accounts.models import Event
from portal.errors import BadRequest, Unavailable
from scoring.spool import Spool
from tests import factories

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def place(settings, tmp_path):
    settings.STAGING_DIR = tmp_path
    options = {"location": str(tmp_path / "collected")}
    settings.STORAGES = {**settings.STORAGES, "collected": {**settings.STORAGES["collected"], "OPTIONS": options}}
    return tmp_path / "collected"


@pytest.fixture
def service(group, place):
    return factories.make_service(group, name="iris", collect_data=True)


@pytest.fixture
def spool():
    return Spool()


def collect(spool, rows, *, columns=("a",), identifier="inputs", request="r1", at=NOON, model="iris", version="3", correlation=""):
    batch = {"model": model, "modelVersion": version, "identifier": identifier, "timestamp": at.isoformat(), "requestId": request}
    spool.add({**batch, "correlationId": correlation, "columns": list(columns), "rows": rows}, len(rows))


def pull(service, spool, after=0) -> int:
    return store.keep(service, wire.read(spool.pull(after, of=spool.id)))


def files(place) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*.parquet"))


def kept(service, **which) -> list[dict]:
    return [row for part in reading.parts_of(reading.days_of(service, **which)) for row in reading.rows_of(part)]


def test_rows_are_kept_by_stream_and_day_and_once(service, spool, place):
    collect(spool, [[1.5], [None]])
    collect(spool, [["setosa"]], identifier="prediction", columns=["0"])
    assert pull(service, spool) == 2
    assert pull(service, spool) == 2, "an answer that is given again is not kept again"
    days = {day.identifier: day for day in service.collected_days.all()}
    assert {name: (day.rows, day.stream) for name, day in days.items()} == {
        "inputs": (2, ("iris", "3", "inputs")),
        "prediction": (1, ("iris", "3", "prediction")),
    }
    assert [row["a"] for row in kept(service, identifier="inputs")] == [1.5, None]
    row = kept(service, identifier="prediction")[0]
    assert row == {"$Timestamp": NOON, "$CorrelationId": "", "$RequestId": "r1", "0": "setosa"}
    assert [name.rpartition("/")[0] for name in files(place)] == [f"demo/iris/iris/3/{each}/{NOON:%Y/%m/%d}" for each in sorted(days)]
    collect(spool, [[2.5]])
    assert pull(service, spool, after=2) == 3 and spool.size > 0
    pull(service, spool, after=3)
    assert spool.size == 0 and service.collected_days.get(identifier="inputs").rows == 3


def test_what_dies_in_between_neither_loses_nor_doubles_a_row(service, spool, place, monkeypatch):
    collect(spool, [[1]])
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(store, "_give", lambda *given: (_ for _ in ()).throw(RuntimeError("the power went")))
        pull(service, spool)
    assert len(files(place)) == 1 and not kept(service) and CollectedSource.objects.get().sequence == 0
    pull(service, spool)
    assert len(files(place)) == 2 and [row["a"] for row in kept(service)] == [1]
    CollectedPart.objects.filter(day=None).update(orphan_since=timezone.now() - timedelta(hours=2))
    assert store.sweep_files() == 1 and len(files(place)) == 1 and len(kept(service)) == 1


def test_a_second_observer_that_is_late_adds_nothing(service, spool, monkeypatch):
    collect(spool, [[1]])
    answer = spool.pull(0)
    write = store.write

    def meanwhile(*given):
        monkeypatch.setattr(store, "write", write)
        store.keep(service, wire.read(answer))
        return write(*given)

    monkeypatch.setattr(store, "write", meanwhile)
    assert store.keep(service, wire.read(answer)) == 1
    assert service.collected_days.get().rows == 1 and len(kept(service)) == 1


def test_losses_are_counted_once(service, place):
    spool = Spool(limit=2000)
    for index in range(40):
        collect(spool, [[index, "x" * 100]], columns=["a", "b"])
    for _ in range(2):
        pull(service, spool)
    day = service.collected_days.get()
    assert day.rows + day.dropped == 40 and day.dropped == spool.dropped > 0


def test_a_storage_that_refuses_keeps_nothing_and_says_so(service, spool, monkeypatch):
    collect(spool, [[1]])
    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(store.storage().__class__, "_save", lambda *given: (_ for _ in ()).throw(OSError(28, "full")))
        pull(service, spool)
    assert not kept(service) and pull(service, spool) == 1 and len(kept(service)) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"spool":"","next":0}', b'{"spool":"x","next":-1,"lost":[],"batches":[],"more":false}', b"[" * 100_000]
)
def test_an_answer_that_is_not_ours_is_refused(body):
    with pytest.raises(wire.Unreadable):
        wire.read(body)


def test_batches_that_do_not_fit_are_counted_and_the_others_kept(service, spool):
    collect(spool, [[1, 2]])  # two cells, one column
    collect(spool, [[10**400, "\ud800\x00", {"deep": [1e400]}]], columns=["a", "b", "c"], model="../../etc", at=NOON - timedelta(days=900))
    pull(service, spool)
    row = kept(service)[0]
    assert row["b"] == "?\ufffd" and row["c"] == {"deep": [None]} and row["a"] in (10**400, str(10**400))
    assert service.collected_days.get(model="-").dropped == 1
    assert service.collected_days.get(model="../../etc").day == timezone.now().date(), "a clock that is years off is not believed"
    assert "/../" not in CollectedPart.objects.get().name


VALUES = [
    [1, 2.5, None],
    [1, 2**60, None],
    [1.5, 2**60],
    [True, None],
    [True, 1],
    ["a", None],
    ["a", 1, {"x": [1]}],
    [None],
    [[1], "[1]"],
    [2**70],
]


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_json_lines_give_back_what_was_collected(service, spool, values):
    for value in values:  # a file each, so that the kinds meet when they are put together
        collect(spool, [[value]])
        pull(service, spool, after=spool.last - 1)
    for merged in (False, True):
        if merged:
            assert upkeep._merge(service.collected_days.get()) == (len(values) > 1)
        parts = reading.parts_of(service.collected_days.all())
        lines = b"".join(export.export(parts, "jsonl")).decode().splitlines()
        assert [json.loads(line)["a"] for line in lines] == values


def test_csv_runs_in_no_spreadsheet_and_parquet_is_one_file(service, spool, place):
    import pyarrow.parquet as parquet

    active = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "\rx", "plain", '<script>"', "a,b\nc"]
    collect(spool, [[word, -1.5] for word in active], columns=["=evil()", "number"])
    collect(spool, [[word] for word in active], identifier="prediction", columns=["0"])
    pull(service, spool)
    parts = reading.parts_of(service.collected_days.all())
    rows = list(csv.DictReader(io.StringIO(b"".join(export.export(parts, "csv")).decode(), newline="")))
    assert len(rows) == 18 and not [value for row in rows for value in row.values() if value.startswith(export.ACTIVE) and value != "-1.5"]
    assert rows[0]["number"] == "-1.5" and rows[6]["'=evil()"] == "plain" and rows[0]["$Identifier"] == "inputs"
    found = parquet.read_table(io.BytesIO(b"".join(export.export(parts, "parquet")))).to_pylist()
    assert [row["=evil()"] for row in found[:9]] == active and [row["0"] for row in found[9:]] == active
    assert found[0]["$Model"] == "iris" and found[0]["$Timestamp"] == NOON
    alone = [part for part in parts if part.day.identifier == "inputs"]
    assert b"".join(export.export(alone, "csv")).startswith(b"$Timestamp,$CorrelationId,$RequestId,")
    assert [b"".join(export.export([], each)) != b"" for each in export.TYPES] == [True, False, True]
    with pytest.raises(BadRequest):
        export.check_format("xlsx")


def test_small_files_are_put_together_and_the_old_ones_go_an_hour_later(service, spool, place, monkeypatch):
    for index in range(upkeep.MANY + 3):
        collect(spool, [[index]], request=f"r{index}")
        pull(service, spool, after=index)
    upkeep.roll()
    day = service.collected_days.get()
    assert day.parts.count() == 1 and day.bytes == day.parts.get().bytes and day.rows == upkeep.MANY + 3
    assert [row["a"] for row in kept(service)] == list(range(upkeep.MANY + 3))
    assert store.sweep_files() == 0, "somebody may be reading them"
    CollectedPart.objects.filter(day=None).update(orphan_since=timezone.now() - timedelta(hours=2))
    upkeep.housekeeping()
    assert len(files(place)) == 1 == CollectedPart.objects.count()


def test_a_day_that_is_deleted_while_its_files_are_put_together_stays_deleted(service, spool, place, monkeypatch):
    for index in range(2):
        collect(spool, [[index]])
        pull(service, spool, after=index)
    day = service.collected_days.get()
    save = store.save

    def deleting(*given, **named):
        store.forget(CollectedDay.objects.all())
        return save(*given, **named)

    monkeypatch.setattr(store, "save", deleting)
    assert not upkeep._merge(day) and not CollectedDay.objects.exists()
    CollectedPart.objects.update(orphan_since=None)
    store.sweep_files()
    assert not files(place) and not CollectedPart.objects.exists()


def test_days_over_their_time_go_with_their_files(service, spool, place):
    for age in (0, 29, 31):
        collect(spool, [[age]])
        pull(service, spool, after=spool.last - 1)
    for age, part in zip((0, 29, 31), CollectedPart.objects.order_by("pk"), strict=True):
        day = CollectedDay.objects.create(
            service=service, day=timezone.now().date() - timedelta(days=age), model="m", version="1", identifier=str(age), rows=1
        )
        CollectedPart.objects.filter(pk=part.pk).update(day=day)
    CollectedDay.objects.filter(model="iris").delete()
    upkeep.housekeeping()
    assert sorted(CollectedDay.objects.values_list("identifier", flat=True)) == ["0", "29"] and len(files(place)) == 2
    Service.objects.filter(pk=service.pk).update(collect_days=7)
    upkeep.housekeeping()
    assert [day.identifier for day in CollectedDay.objects.all()] == ["0"] and len(files(place)) == 1


def test_the_files_of_a_deleted_service_go(service, spool, place):
    collect(spool, [[1]])
    pull(service, spool)
    service.delete()
    store.sweep_files()
    assert not files(place) and not CollectedPart.objects.exists()


def test_inputs_and_predictions_stand_side_by_side(service, spool):
    collect(spool, [["flower", 1], ["flower", 2]], columns=["kind", "n"], request="r1")
    collect(spool, [["A", "B"]], identifier="prediction", columns=["0", "1"], request="r1")  # an array of one dimension
    collect(spool, [["C"]], identifier="prediction", columns=["0"], request="r3", correlation="mine")
    collect(spool, [["other", 3]], columns=["kind", "n"], request="r2", correlation="mine")
    collect(spool, [["alone", 4]], columns=["kind", "n"], request="00000000-0000-0000-0000-000000000000")
    pull(service, spool)
    found = joining.preview(list(service.collected_days.all()))
    assert [(block.identifier, block.columns) for block in found.blocks] == [("inputs", ["kind", "n"]), ("prediction", ["0"])]
    assert [(line.cells, line.correlation or line.request) for line in found.lines] == [
        ([["flower", 1], ["A"]], "r1"),
        ([["flower", 2], ["B"]], "r1"),
        ([["other", 3], ["C"]], "mine"),
        ([["alone", 4], None], "00000000-0000-0000-0000-000000000000"),
    ]


def test_names_are_safe_steps_of_a_path():
    assert [store.safe(name) for name in ("model.pkl", "..", ".", "", "a/b", "ü", "-")] == [
        "model.pkl",
        "%2E%2E",
        "%2E",
        "-",
        "a%2Fb",
        "%C3%BC",
        "-",
    ]
    long = [store.safe("x" * 300), store.safe("x" * 299 + "y")]
    assert len(set(long)) == 2 and all(len(name) <= store.LONGEST_NAME for name in long)


@pytest.fixture
def collected(service, spool):
    for identifier, rows in (("inputs", [["ada", 1]]), ("prediction", [["=A"]])):
        collect(spool, rows, identifier=identifier, columns=["name", "n"][: len(rows[0])])
    pull(service, spool)
    return f"/api/v1/groups/demo/services/{service.name}/collected/"


def test_days_over_rest(collected, client_for, contributor, owner, place, django_capture_on_commit_callbacks, monkeypatch):
    client, today = client_for(contributor), str(timezone.now().date())
    found = client.get(collected).json()["value"]
    assert [(day["day"], day["identifier"], day["rows"], day["dropped"]) for day in found] == [
        (today, "inputs", 1, 0),
        (today, "prediction", 1, 0),
    ]
    assert found[0]["path"] == f"collected/demo/iris/iris/3/inputs/{today.replace('-', '/')}"
    preview = client.get(f"{collected}{today}/").json()
    assert [each["columns"] for each in preview["collectors"]] == [["name", "n"], ["name"]]
    assert preview["rows"][0]["cells"] == [["ada", 1], ["=A"]] and preview["rows"][0]["requestId"] == "r1"
    answer = client.get(f"{collected}download/?as=csv&from={today}&to={today}&identifier=prediction")
    assert (
        b"'=A" in b"".join(answer.streaming_content)
        and answer["Content-Disposition"] == f'attachment; filename="iris-prediction-{today}.csv"'
    )
    assert client.get(f"{collected}?from=2000-01-01&to=2000-01-02").json()["value"] == []
    refused = {
        "download/?as=xlsx": 400,
        "?from=x": 400,
        "download/?from=2000-01-02&to=2000-01-01": 400,
        "2000-01-01/": 404,
        "x/": 400,
        "download/?to=2000-01-01": 404,
    }
    assert {path: client.get(collected + path).status_code for path in refused} == refused
    assert client.delete(f"{collected}?from={today}&to={today}").status_code == 403
    owning, rung = client_for(owner), []
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda self, *given, **options: rung.append(self.name))
    assert owning.delete(f"{collected}?from={today}").status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        assert owning.delete(f"{collected}?from={today}&to={today}&identifier=inputs").json() == {"rows": 1}
    assert rung == ["deployments.tasks.sweep_collected"] and store.sweep_files() == 1
    assert [day["identifier"] for day in owning.get(collected).json()["value"]] == ["prediction"] and len(files(place)) == 1
    events = list(Event.objects.filter(tag__startswith="collected.").values_list("tag", "actor_label").order_by("pk"))
    assert events == [("collected.downloaded", "contributor"), ("collected.deleted", "owner")]


def test_a_reader_and_a_stranger_see_no_rows(collected, client_for, reader, stranger):
    today = timezone.now().date()
    for path in ("", f"{today}/", "download/"):
        assert client_for(reader).get(collected + path).status_code == 403
        assert client_for(stranger).get(collected + path).status_code == 404


def test_rules_are_cleaned_and_refused_by_name():
    given = [{"field": " b ", "action": "mask"}, {"field": "A", "action": "drop"}]
    assert rules.clean_rules(given) == [{"field": "A", "action": "drop"}, {"field": "b", "action": "mask"}]
    with pytest.raises(ValidationError) as caught:
        rules.clean_rules(
            [
                {"field": "a", "action": "burn"},
                {"field": "", "action": "drop"},
                {"field": "x", "action": "drop"},
                {"field": "X", "action": "mask"},
            ]
        )
    assert len(caught.value.message_dict["collect_rules"]) == 3
    for wrong in ("a", [1], [{"field": "a"}] * 201):
        with pytest.raises(ValidationError):
            rules.clean_rules(wrong)
