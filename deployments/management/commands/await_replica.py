"""`manage.py await_replica GROUP/SERVICE`: returns once a replica is ready and the gateway knows it; `start` asks it after a restart.

Calling the service until it answers would do as well, but every call is counted: its charts would begin with failures.
"""

from __future__ import annotations

import time

from django.core.management.base import BaseCommand

from deployments import routing
from deployments.models import Replica, Service


class Command(BaseCommand):
    help = "Waits until a service has a ready replica that calls reach, and no longer than it is told."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("service", help="group/service")
        parser.add_argument("--seconds", type=float, default=60.0, help="how long to wait at most")

    def handle(self, *args, service: str, seconds: float, **options):
        group, _, name = service.partition("/")
        services = Service.objects.filter(group__name=group, name=name, revisions__replicas__state=Replica.State.READY).distinct()
        deadline = time.monotonic() + seconds
        # Ready first, routed a moment later: a call between the two is refused, and counted.
        while not any(map(routing.routed, services.all())) and time.monotonic() < deadline:
            time.sleep(0.3)
