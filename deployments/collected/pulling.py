"""Pulls collected rows from the replicas: one thread and one connection for each that collects.

The connection is kept. A replica that is told to end takes no new one, finishes its calls, and then waits until
whoever holds such a connection has taken the rest (scoring/server.py).
"""

from __future__ import annotations

import logging
import threading

import httpx2
from django.db import connection

from deployments.collected import store, wire
from deployments.models import Replica, Service
from portal.errors import PortalError

log = logging.getLogger(__name__)
#: between two pulls, for one answer, and after a fault (seconds)
PAUSE, PATIENCE, BACKOFF = 1.0, 10.0, 5.0
#: answers in a row that could not be had or read before the replica is looked up anew
MOST_FAULTS = 3


def client_for(address: str) -> httpx2.Client:
    """One kept connection to the replica at `host:port` or `unix@/path`."""
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
    uds = address.removeprefix("unix@") if address.startswith("unix@") else None
    transport = httpx2.HTTPTransport(uds=uds, limits=limits, trust_env=False)
    base = "http://replica" if uds else f"http://{address}"
    return httpx2.Client(transport=transport, base_url=base, timeout=PATIENCE, headers={"Accept-Encoding": "identity"})


class Puller:
    """Pulls one replica's spool until the replica has ended."""

    def __init__(self, service: Service, address: str):
        self.service = service
        self._client = client_for(address)
        self._spool, self._after = "", 0

    def pull(self) -> bool:
        """One answer, kept. True when there is more at once. Raises httpx2.HTTPError, wire.Unreadable or Unavailable."""
        headers = {"X-Modelport-Secret": self.service.secret, "X-Modelport-Pull": "1"}
        asked = {"after": str(self._after), "spool": self._spool}
        with self._client.stream("GET", "/collected", params=asked, headers=headers) as answer:
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > wire.LONGEST:
                    raise wire.Unreadable("it is longer than an answer of ours")
            if answer.status_code != 200:
                raise wire.Unreadable(f"it answers {answer.status_code}")
        pulled = wire.read(bytes(body))
        self._after = store.keep(self.service, pulled)
        self._spool = pulled.spool
        return pulled.more

    def close(self) -> None:
        self._client.close()


class Pullers:
    """`sync` starts a puller for each replica that collects; `stop` ends them."""

    def __init__(self) -> None:
        self._threads: dict[tuple[int, str], threading.Thread] = {}
        self._stopping = threading.Event()

    def sync(self) -> None:
        for key in [key for key, thread in self._threads.items() if not thread.is_alive()]:
            del self._threads[key]
        replicas = Replica.objects.filter(revision__collect_data=True).exclude(address="").exclude(state=Replica.State.CRASHED)
        for replica in replicas.select_related("revision__service__group"):
            key = (replica.pk, replica.address)
            if key not in self._threads:
                thread = threading.Thread(target=self._follow, args=(replica,), name=f"collected-{replica.name}", daemon=True)
                self._threads[key] = thread
                thread.start()

    def stop(self) -> None:
        """After the pull that is under way, if any."""
        self._stopping.set()
        for thread in self._threads.values():
            thread.join(PATIENCE)

    def _follow(self, replica: Replica) -> None:
        puller, faults = Puller(replica.revision.service, replica.address), 0
        try:
            while not self._stopping.is_set():
                try:
                    more, faults = puller.pull(), 0
                    connection.close()
                    wait = 0.0 if more else PAUSE
                except (httpx2.HTTPError, wire.Unreadable, PortalError) as error:
                    faults += 1
                    wait = BACKOFF
                    log.info("collected rows of %s could not be had: %s", replica.name, error)
                    if not Replica.objects.filter(pk=replica.pk, address=replica.address).exists() or faults >= MOST_FAULTS:
                        # It has ended; if not, `sync` begins anew.
                        return
                self._stopping.wait(wait)
            # The last of what is there now: after us, nobody may come before the replicas end too.
            while puller.pull():
                pass
        except (httpx2.HTTPError, wire.Unreadable, PortalError):
            pass
        except Exception:
            log.exception("the collected rows of %s are not pulled any more", replica.name)
        finally:
            puller.close()
            connection.close()
