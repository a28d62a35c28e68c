"""`manage.py choose_environment`: looks for a Docker Engine and a base image once, and remembers what it found, in words."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from deployments import engines
from deployments.actions.environments import NOTE_FILE, TARGET_FILE
from deployments.builds.builders.base import BuildFailed
from deployments.builds.console import ConsoleReport
from portal.errors import PortalError

#: MODELPORT_TARGET: auto looks, the others choose
AUTO = "auto"


class Command(BaseCommand):
    help = "Chooses where the first environment of a group runs: Docker when an engine answers and a base image can be had, else processes."
    requires_system_checks = []

    def handle(self, *args, **options):
        target_file, note_file = settings.DATA_DIR / TARGET_FILE, settings.DATA_DIR / NOTE_FILE
        if target_file.exists():
            return
        target, note = self.choose()
        note_file.write_text(note + "\n")
        target_file.write_text(target + "\n")
        self.stdout.write(note)

    def choose(self) -> tuple[str, str]:
        if settings.TARGET != AUTO:
            engines.entry(settings.TARGET)
            return settings.TARGET, f"{engines.title(settings.TARGET)}, as MODELPORT_TARGET says."
        version = settings.PYTHON_VERSIONS[0]
        try:
            base = engines.builder("docker").base("python", version, ConsoleReport(lambda text: self.stdout.write(f"  {text}")))
        except (PortalError, BuildFailed) as error:
            reason = error.message
        else:
            return "docker", f"Services run in containers: a Docker Engine answers and has the base image {base.reference}."
        if engines.PROCESS not in engines.aliases():
            raise CommandError(
                f"No Docker Engine can be used ({reason}) and MODELPORT_ALLOW_PROCESS_TARGET is not set. Connect Docker, or allow processes."
            )
        return engines.PROCESS, f"Services run as processes of this machine, because no Docker Engine can be used: {reason}"
