"""Indexes by trigrams: in PostgreSQL they are there after `migrate`; where the extension may not be made, migrating goes on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import Error, connection
from django.db.migrations.state import ProjectState

from portal.accounts.models import Event
from portal.text_indexes import AddTextIndex
from registry.models import ModelVersion

NAMES = {"versions_by_text", "manifests_by_name", "manifests_by_description", "images_by_name", "images_by_description",
         "operations_by_label", "events_by_subject", "events_by_person"}  # fmt: skip


POSTGRESQL, SQLITE = "SELECT indexname FROM pg_indexes", "SELECT name FROM sqlite_master WHERE type = 'index'"


def test_a_text_is_found_by_its_index(db):
    with connection.cursor() as cursor:
        cursor.execute(POSTGRESQL if connection.vendor == "postgresql" else SQLITE)
        there = {name for (name,) in cursor.fetchall()}
    if connection.vendor != "postgresql":  # the same test is run in PostgreSQL by test_postgres_and_redis.py
        assert there and not NAMES & there
        return
    assert NAMES <= there
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "events_by_subject" in Event.objects.order_by().filter(subject_label__icontains="fraud").explain()
        assert "versions_by_text" in ModelVersion.objects.order_by().filter(words__contains="fraud").explain()


@pytest.mark.django_db
@pytest.mark.parametrize("refused", ["EXTENSION", "gin_trgm_ops"])
def test_without_the_extension_migrating_goes_on(refused, caplog):
    made = []

    def execute(command: str) -> None:
        if refused in command:
            raise Error("permission denied to create extension, or it lies in another schema")
        made.append(command)

    editor = SimpleNamespace(connection=SimpleNamespace(vendor="postgresql", alias="default"), execute=execute)
    AddTextIndex("by_words", "accounts_event", '"tag"').database_forwards("accounts", editor, ProjectState(), ProjectState())
    assert not [command for command in made if "INDEX" in command] and "by_words" in caplog.text
