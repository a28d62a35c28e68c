"""`manage.py await_replica GROUP/SERVICE`: returns once a replica of the service is ready; `start` asks it after a restart.

Calling the service until it answers would do as well, but every call is counted: its charts would begin with failures.
"""

from __future__ import annotations

import time

from django.core.management.base import BaseCommand

from deployments.models import Replica


class Command(BaseCommand):
    help = "Waits until a replica of a service is ready, and no longer than it is told."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("service", help="group/service")
        parser.add_argument("--seconds", type=float, default=60.0, help="how long to wait at most")

    def handle(self, *args, service: str, seconds: float, **options):
        group, _, name = service.partition("/")
        of_service = Replica.objects.filter(revision__service__group__name=group, revision__service__name=name, state=Replica.State.READY)
        deadline = time.monotonic() + seconds
        while not of_service.exists() and time.monotonic() < deadline:
            time.sleep(0.3)
