"""Lists in each of their orders: what stands on the rows for that stays true, and an index leads along it, so that no list is sorted whole."""

from __future__ import annotations

import threading
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Count

from deployments.models import Operation
from frontend.tables import EventTable, ModelTable, OperationTable
from portal.accounts.models import Event
from registry.actions.manifests import copy_manifest, create_manifest, delete_manifest
from registry.models import Manifest, ModelVersion
from tests import factories


def versions_of(group, *names: str, user=None) -> list[ModelVersion]:
    """Files that may lie beside each other."""
    files = [{f"{number}.pkl": b"a model"} for number in range(len(names))]
    return [factories.make_model_version(group, name=name, files=files, user=user) for name, files in zip(names, files, strict=True)]


def told() -> list[tuple]:
    """What the versions say of themselves."""
    return list(ModelVersion.objects.order_by("created_at").values_list("name", "manifest_count", "registered_by"))


def counted() -> list[tuple]:
    """The same, from where it comes."""
    rows = ModelVersion.objects.order_by("created_at").annotate(uses=Count("used_by"))
    return list(rows.values_list("model__name", "uses", "created_by__username"))


def test_uses_names_and_people_on_a_version_are_true(group, contributor):
    versions = versions_of(group, "iris", "iris", "roses", user=contributor)
    assert told() == counted() == [("iris", 0, "contributor"), ("iris", 0, "contributor"), ("roses", 0, "contributor")]
    manifest = factories.make_manifest(group, models=versions, user=contributor)
    second = copy_manifest(user=contributor, manifest=manifest)
    copy_manifest(user=contributor, manifest=manifest, models=versions[:1])
    assert [uses for _name, uses, _by in told()] == [3, 2, 2] and told() == counted()
    delete_manifest(user=contributor, manifest=second)
    assert [uses for _name, uses, _by in told()] == [2, 1, 1] and told() == counted()
    assert [version.name for version in ModelVersion.objects.order_by("-manifest_count")][:1] == ["iris"]


def test_the_migration_fills_them(group, contributor):
    factories.make_manifest(group, models=versions_of(group, "iris", "roses", user=contributor), user=contributor)
    ModelVersion.objects.update(name="", manifest_count=0, registered_by="")
    ModelVersion.objects.filter(model__name="roses").update(created_by=None)
    import_module("registry.migrations.0009_what_models_are_ordered_by").gather(apps, None)
    assert told() == [("iris", 1, "contributor"), ("roses", 1, "")]


@pytest.mark.django_db(transaction=True)
def test_uses_are_counted_when_many_are_made_and_deleted_at_once(group, contributor):
    versions = versions_of(group, "iris", "roses", "tulips", user=contributor)
    gone = [factories.make_manifest(group, models=versions, user=contributor, name=f"gone-{number}") for number in range(3)]
    barrier, wrong = threading.Barrier(6), []

    def work(number: int) -> None:
        try:
            barrier.wait(10)
            if number < 3:
                delete_manifest(user=contributor, manifest=gone[number])
            else:
                driver, ordered = ("score.py", factories.DOUBLE), versions if number % 2 else versions[::-1]
                create_manifest(user=contributor, group=group, name=f"new-{number}", models=ordered, driver=driver)
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong and Manifest.objects.count() == 3
    assert [uses for _name, uses, _by in told()] == [3, 3, 3] and told() == counted()


ORDERS = [
    *((ModelTable, ModelVersion, name) for name in ("name", "used", "created_by")),
    *((EventTable, Event, name) for name in ("actor_label", "tag", "subject_label")),
    *((OperationTable, Operation, name) for name in ("label", "state", "kind", "created_by")),
]


@pytest.mark.parametrize("before", ["", "-"])
@pytest.mark.parametrize(("table", "model", "column"), ORDERS)
def test_an_order_is_walked_along_and_places_every_row(table, model, column, before, group):
    rows = table(model.objects.filter(group=group), group=group, order_by=before + column).data.data
    assert rows.query.order_by[-1].lstrip("-") in ("pk", "number", "created_at"), (
        "rows that are equal otherwise would change places between pages"
    )
    if connection.vendor == "postgresql":  # the same test is run in PostgreSQL by test_postgres_and_redis.py
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
            plan = rows[:25].explain()
        assert "Index Scan" in plan and "Sort" not in plan, plan
