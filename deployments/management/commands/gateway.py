"""`manage.py gateway`: becomes HAProxy, with the configuration that was last applied."""

from __future__ import annotations

import os

from django.core.management.base import BaseCommand

from deployments import routing


class Command(BaseCommand):
    help = "Runs the gateway in the foreground. It needs no database and goes on while the portal is down."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--print-command", action="store_true", help="print the command instead of running it")

    def handle(self, *args, print_command: bool = False, **options):
        gateway = routing.gateway()
        gateway.ensure_initial()
        command = [str(part) for part in gateway.command()]
        if print_command:
            self.stdout.write("\n".join(command))
            return
        # Replaces this process, so that the supervisor's signals reach HAProxy itself.
        os.execv(command[0], command)
