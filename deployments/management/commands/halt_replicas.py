"""`manage.py halt_replicas`: stops every replica of this portal; the next start brings them back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.core.management.base import BaseCommand

from deployments import engines
from deployments.models import Environment, Replica
from portal.errors import PortalError


class Command(BaseCommand):
    help = "Stops the replicas of all services. What is desired stays as it is, so the next start runs them again."
    requires_system_checks = []

    def handle(self, *args, **options):
        for alias in Environment.objects.values_list("target", flat=True).distinct():
            try:
                target = engines.target(alias)
                names = sorted(target.names())
                with ThreadPoolExecutor(max_workers=8) as pool:
                    list(pool.map(lambda name, target=target: target.remove(name, grace=5), names))
            except PortalError as error:
                self.stderr.write(f"Replicas on {alias} could not be stopped: {error.message}")
        Replica.objects.all().delete()
