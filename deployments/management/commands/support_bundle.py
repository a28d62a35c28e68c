"""`manage.py support_bundle`: the same file as the page System makes, also while the portal is down."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import BaseCommand

from deployments import support


class Command(BaseCommand):
    help = "Writes a zip with versions, masked settings, health, states of operations and log lines, for whoever helps."

    def add_arguments(self, parser):
        parser.add_argument("--to", type=Path, help="the file to write; a new one in this folder otherwise")

    def handle(self, *args, to: Path | None = None, **options):
        path = to or Path(support.name())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(support.bundle())
        self.stdout.write(f"{path}: read its log lines before you hand it on.")
