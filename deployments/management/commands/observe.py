"""`manage.py observe`: the observer. Its loss costs counts and logs, never a call."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from deployments.collected.pulling import Pullers
from deployments.collected.upkeep import Roller
from deployments.observer import lease, usage
from deployments.observer.logs import Followers
from deployments.telemetry import rollup
from deployments.telemetry.receiver import CallReceiver

log = logging.getLogger(__name__)
#: what is done how often, in seconds
LOOK, RENEW, STORE, SAMPLE, ROLL = 1.0, 9.0, 5.0, 10.0, 60.0


class Command(BaseCommand):
    help = "Follows replica logs, pulls collected rows, samples CPU and memory, and counts the gateway's calls. One is active at a time."
    requires_system_checks = []

    def handle(self, *args, **options):
        self.stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        me = lease.holder()
        while not self.stopping.is_set():
            if self._quietly(lambda: lease.hold(me)):
                self._observe(me)
            self.stopping.wait(2)
        self._quietly(lambda: lease.let_go(me))

    def _observe(self, me: str) -> None:
        """Until told to stop or until the lease is lost."""
        counter, followers, pullers, roller = rollup.Counter(), Followers(), Pullers(), Roller()
        receiver = CallReceiver("127.0.0.1", settings.OBSERVER_PORT, counter.add)
        receiver.start()
        log.info("observing; calls are read on port %d", settings.OBSERVER_PORT)
        done = {RENEW: time.monotonic(), STORE: time.monotonic(), SAMPLE: 0.0, ROLL: time.monotonic()}
        try:
            while not self.stopping.wait(LOOK):
                self._quietly(followers.sync)
                self._quietly(pullers.sync)
                if self._due(done, ROLL):
                    roller.ring()
                if self._due(done, STORE):
                    self._quietly(lambda: self._store(counter))
                if self._due(done, SAMPLE):
                    self._quietly(usage.sample)
                if self._due(done, RENEW) and not self._quietly(lambda: lease.hold(me)):
                    log.warning("another observer has taken over")
                    return
        finally:
            pullers.stop()
            receiver.stop()
            self._quietly(lambda: self._store(counter))

    @staticmethod
    def _store(counter: rollup.Counter) -> None:
        sums, keys = counter.take()
        if sums:
            rollup.store(sums, keys)

    @staticmethod
    def _due(done: dict[float, float], every: float) -> bool:
        now = time.monotonic()
        if now - done[every] < every:
            return False
        done[every] = now
        return True

    @staticmethod
    def _quietly(act: Callable[[], object]) -> object:
        """A database or an engine that is away for a moment must not end the observer."""
        try:
            return act()
        except Exception:
            log.exception("the observer could not do something; it goes on")
            connection.close()
            return None
