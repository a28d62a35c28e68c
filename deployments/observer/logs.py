"""Follows what replicas print into rotated files, one thread a replica."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from django.db import connection

from deployments import engines
from deployments.logs import replica_log_path
from deployments.models import Replica
from portal.errors import PortalError

log = logging.getLogger(__name__)
MOST_BYTES, KEPT = 10 * 2**20, 3


class Followers:
    """`sync` starts a follower for each replica there is and lets go of the others."""

    def __init__(self) -> None:
        self._threads: dict[tuple[str, str], threading.Thread] = {}

    def sync(self) -> None:
        for key in [key for key, thread in self._threads.items() if not thread.is_alive()]:
            del self._threads[key]
        replicas = Replica.objects.select_related("revision__service__environment").exclude(state=Replica.State.CRASHED)
        for replica in replicas:
            key = (replica.revision.spec_name, replica.name)
            if key not in self._threads:
                thread = threading.Thread(target=self._follow, args=(replica,), name=f"log-{replica.name}", daemon=True)
                self._threads[key] = thread
                thread.start()

    def _follow(self, replica: Replica) -> None:
        """Until the replica ends. What was written before is not written again: the last time in the file says where to go on."""
        revision = replica.revision
        path = replica_log_path(revision.service, replica.name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        since = _last_time(path)
        handler = RotatingFileHandler(path, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace")
        try:
            target = engines.target(revision.service.environment.target)
            for moment, text in target.follow(revision.spec_name, replica.name, since=since):
                if since and moment <= since:
                    continue
                handler.emit(logging.makeLogRecord({"msg": f"{moment.isoformat()} {text}"}))
        except PortalError as error:
            log.info("the log of %s ended: %s", replica.name, error.message)
        except Exception:
            log.exception("the log of %s broke off", replica.name)
        finally:
            handler.close()
            connection.close()


def _last_time(path: Path) -> datetime | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64 * 1024))
        lines = file.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        try:
            return datetime.fromisoformat(line.partition(" ")[0])
        except ValueError:
            continue
    return None
