"""`manage.py remove_orphan_assets`: bytes that no fact points to, and left-overs of uploads."""

from __future__ import annotations

from datetime import timedelta

from django.core.management.base import BaseCommand

from registry.sweeping import sweep


class Command(BaseCommand):
    help = "Removes stored files that nothing refers to and that arrived more than a day ago, expired upload sets, and forgotten staging files."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go and remove nothing")
        parser.add_argument("--hours", type=float, default=24, help="leave what arrived in this many hours (default 24)")

    def handle(self, *, dry_run: bool, hours: float, **options) -> None:
        done = sweep(timedelta(hours=hours), dry_run=dry_run, strays=True)
        if dry_run:
            self.stdout.write(f"{done.files} files would be removed, {done.size} bytes")
            return
        self.stdout.write(f"{done.files} files removed, {done.size} bytes")
        self.stdout.write(f"{done.upload_sets} expired upload sets removed")
        self.stdout.write(f"{done.staging} forgotten staging files removed")
