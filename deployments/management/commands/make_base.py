"""`manage.py make_base spark-py`: an administrator's base image, from the official one and Debian's packages."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from deployments import engines
from deployments.builds.bases import make_base, make_wheel
from deployments.builds.builders.base import BuildFailed
from deployments.builds.console import ConsoleReport
from portal.errors import PortalError


class Command(BaseCommand):
    help = "Builds the base image of a runtime in the Docker Engine: Java and Spark for spark-py, system libraries for python."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("runtime", choices=sorted(settings.BASE_IMAGES))
        parser.add_argument("--python", default=settings.PYTHON_VERSIONS[0], choices=settings.PYTHON_VERSIONS)
        parser.add_argument(
            "--wheel", action="store_true", help="only the wheel of pyspark, for services that run as processes, without Docker"
        )

    def handle(self, *args, runtime: str, python: str, wheel: bool = False, **options):
        report = ConsoleReport(lambda text: self.stdout.write(f"  {text}"))
        try:
            if wheel:
                builder = engines.builder(engines.PROCESS)
                tag = make_wheel(builder.wheels, index=builder.index, timeout=builder.timeout)
            else:
                tag = make_base(engines.builder("docker"), runtime=runtime, python=python, report=report)
        except (BuildFailed, PortalError) as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{tag} is ready.")
