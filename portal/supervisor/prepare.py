"""What has to be there before the processes start: tables, pages' files, a clean broker folder. Safe to repeat."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal import broker

#: pages of libraries that the portal does not show
UNUSED = ["redoc", "rest_framework"]


def prepare(say: Callable[[str], None]) -> None:
    """What may take long is said before it begins."""
    if settings.BROKER_URL.startswith(f"{broker.SCHEME}://"):
        broker.clear_leftovers(settings.BROKER_DIR)
    migrate(say)
    call_command("createcachetable", verbosity=0)
    collect_static(say)


def migrate(say: Callable[[str], None]) -> None:
    """Brings the tables up to date; a look at the recorded migrations comes first, as it is much quicker."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Bringing the database up to date.")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static(say: Callable[[str], None]) -> None:
    """Gathers and compresses the pages' files, unless exactly these were gathered before."""
    stamp = settings.STATIC_ROOT / ".collected"
    rows = []
    for finder in get_finders():
        for path, storage in finder.list(UNUSED):
            rows.append((path, storage.size(path), storage.get_modified_time(path).timestamp()))
    wanted = hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("Gathering and compressing the pages' files.")
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED)
    stamp.write_text(wanted)
