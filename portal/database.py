"""What every connection to the database is told first."""

from __future__ import annotations

from django.db.backends.signals import connection_created


def without_compiling(sender, connection, **kwargs) -> None:
    """PostgreSQL compiles a query that it thinks is long. For a page that takes longer than the query: a list of 100,000 versions
    that is read in 40 ms took 300. As a setting of the connection it would be refused by some poolers, so it is said."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")


def tell_connections() -> None:
    connection_created.connect(without_compiling, dispatch_uid="portal.database")
