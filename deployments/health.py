"""Asks a replica who it is. An address can be reused, so only the right answer counts.

A left-over container once answered in the place of another; therefore service,
revision, bundle digest and nonce must all be right before a replica is routed to.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from deployments.models import Revision

SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` is true only for the right replica; `detail` is one sentence otherwise. `answered` tells whether anything did."""

    ready: bool
    detail: str = ""
    answered: bool = False


def client_for(address: str, *, timeout: float = SECONDS) -> httpx2.Client:
    """A client whose base is the replica at `host:port` or `unix@/path`; it follows no proxy and no redirect."""
    if address.startswith("unix@"):
        transport = httpx2.HTTPTransport(uds=address.removeprefix("unix@"))
        return httpx2.Client(transport=transport, base_url="http://replica", timeout=timeout, trust_env=False)
    return httpx2.Client(base_url=f"http://{address}", timeout=timeout, trust_env=False)


def ask(address: str, revision: Revision) -> Health:
    expected = {
        "service": revision.service.path,
        "revision": str(revision.number),
        "digest": revision.image.bundle_digest,
        "nonce": revision.nonce,
    }
    try:
        with client_for(address) as client:
            answer = client.get("/readyz", headers={"X-Modelport-Secret": revision.service.secret})
    except (httpx2.HTTPError, OSError) as error:
        return Health(False, f"It does not answer yet ({type(error).__name__}).")
    if answer.status_code != 200:
        return Health(
            False, "It is starting: init() has not ended yet." if answer.status_code == 503 else f"It answers {answer.status_code}.", True
        )
    try:
        said = answer.json()
    except ValueError:
        return Health(False, "Something else answers at its address.", True)
    wrong = [name for name, value in expected.items() if not isinstance(said, dict) or str(said.get(name)) != value]
    if wrong:
        return Health(False, f"Another replica answers at its address (wrong {', '.join(wrong)}).", True)
    return Health(True, "", True)
