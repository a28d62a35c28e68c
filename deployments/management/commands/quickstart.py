"""`manage.py quickstart`: the Iris example against the running portal; `start` runs it the first time."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from deployments import quickstart
from portal.errors import PortalError


class Command(BaseCommand):
    help = "Trains the Iris example, registers, builds and deploys it. Does nothing when it is there already."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--again", action="store_true", help="make the next version of everything and roll it out")

    def handle(self, *args, again: bool = False, **options):
        try:
            quickstart.run(self._write, again=again)
        except PortalError as error:
            raise CommandError(error.message) from None
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
