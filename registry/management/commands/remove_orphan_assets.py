"""`manage.py remove_orphan_assets`: bytes that no fact points to, and left-overs of uploads."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from registry.sweeping import expire_upload_sets, orphan_assets, remove_orphan, remove_stale_staging, stray_blobs


class Command(BaseCommand):
    help = "Removes stored files that nothing refers to and that arrived more than a day ago, expired upload sets, and forgotten staging files."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go and remove nothing")
        parser.add_argument("--hours", type=float, default=24, help="leave what arrived in this many hours (default 24)")

    def handle(self, *, dry_run: bool, hours: float, **options) -> None:
        age = timedelta(hours=hours)
        if not dry_run:
            self.stdout.write(f"{expire_upload_sets()} expired upload sets removed")
        removed = size = 0
        for asset in [*orphan_assets(age), *stray_blobs(age)]:
            if dry_run or remove_orphan(asset, age):
                removed, size = removed + 1, size + asset.size
                if options["verbosity"] > 1:
                    self.stdout.write(asset.sha256)
        verb = "would be removed" if dry_run else "removed"
        self.stdout.write(f"{removed} files {verb}, {size} bytes")
        if not dry_run:
            stale = remove_stale_staging(Path(settings.STAGING_DIR), time.time() - age.total_seconds())
            self.stdout.write(f"{stale} forgotten staging files removed")
