"""Where the logs of steps and replicas lie, for both doors."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from deployments.models import Service
from deployments.steps import step_log_path

__all__ = ["replica_log", "replica_log_path", "step_log_path"]


def replica_log_path(service: Service, replica: str) -> Path:
    """Written by the observer, rotated; lines are `<time> <text>`."""
    return settings.LOG_DIR / "replicas" / service.pk.hex / f"{Path(replica).name}.log"


def replica_log(service: Service, replica: str, lines: int = 200) -> list[str]:
    """The last lines of one replica, oldest first; empty while the observer has seen none."""
    path = replica_log_path(service, replica)
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 512 * 1024))
        return file.read().decode(errors="replace").splitlines()[-lines:]
