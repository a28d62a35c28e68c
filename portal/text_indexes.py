"""Indexes that find a text anywhere in a column: the trigrams of PostgreSQL. SQLite looks through its rows."""

from __future__ import annotations

import logging

from django.db import Error, transaction
from django.db.migrations.operations.base import Operation

log = logging.getLogger(__name__)


class AddTextIndex(Operation):
    """For `contains` with `expression` '"name"', for `icontains` with 'UPPER("name"::text)': as Django asks for them.

    The extension `pg_trgm` comes with PostgreSQL, and the owner of a database may create it. Where nobody may, or it is not
    installed, searching goes on without: slower in long lists, with the same answers. The index is no part of a model, whose
    indexes every database has.
    """

    reversible = True

    def __init__(self, name: str, table: str, expression: str) -> None:
        self.name, self.table, self.expression = name, table, expression

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            return
        try:
            with transaction.atomic(using=connection.alias):
                schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                # Inside too: the extension may be there, in a schema that this database's path does not lead to.
                index = f'CREATE INDEX IF NOT EXISTS "{self.name}" ON "{self.table}" USING gin (({self.expression}) gin_trgm_ops)'
                schema_editor.execute(index)
        except Error as error:
            log.warning("Without the extension pg_trgm %s is not made, and searching long lists is slower: %s", self.name, error)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f'DROP INDEX IF EXISTS "{self.name}"')

    def describe(self):
        return f"Find texts in {self.table} by {self.name}, in PostgreSQL"
