"""Asks a replica who it is. An address can be reused, so only the right answer counts.

A left-over container once answered in the place of another; therefore service,
revision, bundle digest and nonce must all be right before a replica is routed to.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import httpx2

from deployments.models import Revision

#: for one answer, from the connection to its last byte, and how many bytes it may have
SECONDS, LONGEST = 3.0, 16 * 1024


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` is true only for the right replica; `detail` is one sentence otherwise. `answered` tells whether anything did."""

    ready: bool
    detail: str = ""
    answered: bool = False


def client_for(address: str) -> httpx2.AsyncClient:
    """A client whose base is the replica at `host:port` or `unix@/path`; it follows no proxy and no redirect."""
    # The answer is other people's: nothing is unpacked, since a little can become a lot.
    # The way is plain http on one host or a socket, so no certificates are read: that would take longer than the call.
    common = {"timeout": SECONDS, "verify": False, "trust_env": False, "headers": {"Accept-Encoding": "identity"}}
    if address.startswith("unix@"):
        transport = httpx2.AsyncHTTPTransport(uds=address.removeprefix("unix@"), verify=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://replica", **common)
    return httpx2.AsyncClient(base_url=f"http://{address}", **common)


async def fetch(address: str, path: str, secret: str, *, seconds: float, longest: int) -> tuple[int, bytes]:
    """Status and body. Raises TimeoutError, ValueError for a body over `longest` bytes, httpx2.HTTPError and OSError.

    Other people's code may answer byte by byte and never end, so the whole of it has one time and one size.
    """
    async with asyncio.timeout(seconds), client_for(address) as client:
        async with client.stream("GET", path, headers={"X-Modelport-Secret": secret}) as answer:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > longest:
                    raise ValueError("longer than an answer of ours")
            return answer.status_code, bytes(body)


def ask(address: str, revision: Revision) -> Health:
    expected = {
        "service": revision.service.path,
        "revision": str(revision.number),
        "digest": revision.image.bundle_digest,
        "nonce": revision.nonce,
    }
    try:
        status, body = asyncio.run(fetch(address, "/readyz", revision.service.secret, seconds=SECONDS, longest=LONGEST))
    except (httpx2.HTTPError, OSError) as error:
        return Health(False, f"It does not answer yet ({type(error).__name__}).")
    except ValueError:
        return Health(False, "Something else answers at its address.", True)
    if status != 200:
        return Health(False, "It is starting: init() has not ended yet." if status == 503 else f"It answers {status}.", True)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return Health(False, "Something else answers at its address.", True)
    wrong = [name for name, value in expected.items() if not isinstance(said, dict) or str(said.get(name)) != value]
    if wrong:
        return Health(False, f"Another replica answers at its address (wrong {', '.join(wrong)}).", True)
    return Health(True, "", True)
