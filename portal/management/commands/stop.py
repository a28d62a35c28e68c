"""`manage.py stop`: ends a portal that was started from another terminal."""

import os
import signal
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.supervisor.daemon import end_leftovers
from portal.supervisor.preflight import running_pid

WAIT_SECONDS = 30


class Command(BaseCommand):
    help = "Stops the portal that runs on this data folder."
    requires_system_checks = []

    def handle(self, *args, **options):
        pid = running_pid()
        if pid is None:
            end_leftovers(settings.DATA_DIR / "run")
            self.stdout.write(f"No portal is running on {settings.DATA_DIR}.")
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + WAIT_SECONDS
        while running_pid() == pid:
            if time.monotonic() > deadline:
                raise CommandError(f"Process {pid} has not ended after {WAIT_SECONDS} seconds.")
            time.sleep(0.2)
        self.stdout.write("Stopped.")
