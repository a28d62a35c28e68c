"""`manage.py start`: the whole portal on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time

from django.conf import settings
from django.core import checks
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connections

from portal.accounts.actions import make_setup_link
from portal.celery import app
from portal.supervisor.closing import Quickstart
from portal.supervisor.daemon import Daemon, end_leftovers
from portal.supervisor.preflight import CannotStart, check_disk, check_ports, only_one
from portal.supervisor.prepare import prepare
from portal.supervisor.processes import processes
from portal.supervisor.ready import service_answers, wait_until_ready
from portal.supervisor.watch import watch

#: how long a restart waits for the demo's replica before it says that it does not answer yet
SERVICE_SECONDS = 60


class Stop(BaseException):
    """A signal asked us to end. Not an Exception, so that nothing on the way takes it for a fault."""


class Command(BaseCommand):
    help = "Starts web, workers, clock, observer and gateway under one supervisor, and stops them at Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--no-demo", action="store_true", help="do not run the Iris example the first time")

    def handle(self, *args, no_demo: bool = False, **options):
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGHUP, _stop)
        try:
            with only_one():
                self.serve(demo=not no_demo)
        except CannotStart as error:
            raise CommandError(str(error)) from None
        except Stop:
            pass

    def serve(self, *, demo: bool) -> None:
        end_leftovers(settings.DATA_DIR / "run")
        check_disk()
        check_ports()
        self.say(f"Starting the portal. It keeps everything in {settings.DATA_DIR}.")
        self.allow_processes()
        self.look()
        prepare(self.say)
        # Docker or processes for the first environment; a command by name, as the portal imports no app above it.
        call_command("choose_environment")
        connections.close_all()
        daemon = Daemon(processes())
        try:
            self.say("Starting its processes; on a busy machine this takes a minute.")
            daemon.start()
            wait_until_ready(daemon)
            # The clock would do this within five seconds; services come back sooner when it is done now.
            app.send_task("deployments.tasks.tick")
            self.close(demo=demo)
            watch(daemon, self.say)
        finally:
            self.end(daemon)

    def allow_processes(self) -> None:
        """Services may run as plain processes while nobody but this machine can reach the portal."""
        if "MODELPORT_ALLOW_PROCESS_TARGET" in os.environ or not settings.ON_LOOPBACK:
            return
        os.environ["MODELPORT_ALLOW_PROCESS_TARGET"] = "yes"
        settings.ALLOW_PROCESS_TARGET = True
        self.say(f"The portal listens on {settings.HOST} alone, so services may also run as processes of this machine, without Docker.")

    def look(self) -> None:
        """The system checks: a fault ends the start, a warning is one line."""
        found = checks.run_checks()
        faults = [message for message in found if message.level >= checks.ERROR and not message.is_silenced()]
        if faults:
            raise CannotStart("\n".join(f"{fault.msg} {fault.hint or ''} ({fault.id})".strip() for fault in faults))
        for message in found:
            if message.level >= checks.WARNING and not message.is_silenced() and str(message.id).startswith("portal."):
                self.say(f"Warning: {message.msg} {message.hint or ''}".strip())

    def close(self, *, demo: bool) -> None:
        """The first-start example, then the closing lines; the call to paste is the last of them."""
        failed = ""
        if demo:
            try:
                call_command("quickstart")
            except CommandError as error:
                failed = f"The Iris example was not finished. {error}\nTry it again from another terminal: make demo"
        quickstart = Quickstart.load()
        if quickstart is not None and not failed:
            self.say(f"Waiting for service {quickstart.service} to answer.")
        answers = quickstart is not None and not failed and self.wait_for(quickstart)
        link = make_setup_link()
        connections.close_all()
        if failed:
            self.say(failed)
        self.say("")
        self.say(f"Portal               {settings.PORTAL_URL}")
        if link:
            self.say(f"First administrator  {settings.PORTAL_URL}{link}  (works once)")
        if quickstart is not None:
            self.say(f"Swagger              {quickstart.swagger_url}")
        if quickstart is not None and not answers:
            self.say(f"{quickstart.service} does not answer yet; its page says why: {quickstart.page_url}")
        if not answers:
            self.say("Ctrl-C stops everything.")
            return
        self.say("Ctrl-C stops everything. This call works when pasted:")
        self.say("")
        self.say(quickstart.curl())

    def wait_for(self, quickstart: Quickstart) -> bool:
        deadline = time.monotonic() + SERVICE_SECONDS
        call_command("await_replica", quickstart.service, seconds=SERVICE_SECONDS)
        while time.monotonic() < deadline:
            if service_answers(quickstart):
                return True
            time.sleep(0.3)
        return False

    def end(self, daemon: Daemon) -> None:
        # From here on it ends by itself within seconds, and half-way would leave processes behind.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        asked = sys.exc_info()[0] is Stop
        if asked:
            self.say("\nStopping.")
        daemon.stop()
        call_command("halt_replicas")
        if asked:
            self.say("Stopped.")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def _stop(number, frame):
    raise Stop
