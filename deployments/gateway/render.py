"""Routes and settings -> the files HAProxy reads. Pure and deterministic: the same routes give the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field

from deployments.gateway import rules
from deployments.gateway.routes import ORIGIN, ReplicaRoute, RevisionBackend, Routes, ServiceRoute, check
from deployments.gateway.settings import GatewaySettings

MAPS = ("services.map", "keys.map", "origins.map", "splits.map", "generation.map")
NEVER = 253402300799  # the last second of the year 9999
SLOTS = 100


@dataclass(frozen=True, slots=True)
class Rendered:
    """`files` by name; the same content once more as values, for bringing a running process up to it.

    `structure` is a hash of what only a reload can change; `servers` maps backend -> server name -> its address and options.
    """

    generation: int
    structure: str
    files: dict[str, str]
    maps: dict[str, dict[str, str]]
    servers: dict[str, dict[str, str]] = field(default_factory=dict)


def backend_name(service: ServiceRoute, backend: RevisionBackend) -> str:
    return f"r_{service.id}_{backend.number}"


def server_name(replica: ReplicaRoute) -> str:
    """Name and address together: a replica that came back elsewhere is another server, since HAProxy cannot move one to a socket."""
    return f"{replica.name}.{hashlib.sha256(replica.address.encode()).hexdigest()[:8]}"


def server_options(replica: ReplicaRoute, settings: GatewaySettings) -> str:
    # Spelled out on every server: one added while HAProxy runs does not get the defaults.
    interval = settings.check_interval_ms
    return f"{replica.address} check inter {interval}ms fastinter {max(interval // 2, 1)}ms downinter {interval}ms fall 2 rise 1"


def backend_lines(service: ServiceRoute, backend: RevisionBackend, settings: GatewaySettings) -> list[str]:
    """Without the servers. The check must name this service, revision, bundle and start, because an address is used again."""
    timeout = (service.timeout or settings.timeout) + settings.timeout_grace
    expected = {"service": f"{service.group}/{service.name}", "revision": str(backend.number), "nonce": backend.nonce}
    expected["digest"] = backend.digest
    return [
        f"backend {backend_name(service, backend)}",
        "  balance leastconn",
        f"  timeout server {timeout}s",
        # Only a request that lies in the buffer as a whole can be sent again, so it is waited for.
        *(
            ["  option http-buffer-request", "  retry-on conn-failure empty-response"]
            if service.repeatable
            else ["  retry-on conn-failure"]
        ),
        f"  http-request set-header X-Modelport-Secret {service.secret}",
        "  option httpchk",
        "  http-check connect",
        f"  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host replica hdr X-Modelport-Secret {service.secret} hdr Connection close",
        "  http-check expect status 200",
        *(f'  http-check expect rstring \'"{key}" *: *"{re.escape(value)}"\'' for key, value in expected.items()),
    ]


def splits(service: ServiceRoute, weighted: list[RevisionBackend]) -> dict[str, str]:
    """A hundred slots shared out by weight; one backend needs none."""
    if len(weighted) < 2:
        return {}
    total, reached, start = sum(backend.weight for backend in weighted), 0, 0
    entries = {}
    for backend in weighted:
        reached += backend.weight
        end = reached * SLOTS // total
        entries |= {f"{service.id}/{slot}": backend_name(service, backend) for slot in range(start, end)}
        start = end
    return entries


def render(routes: Routes, settings: GatewaySettings) -> Rendered:
    """Raises ValueError for settings that cannot be written; routes were checked when they were made."""
    if settings.origin:
        check(ORIGIN, settings.origin, "portal origin")
    maps: dict[str, dict[str, str]] = {name: {} for name in MAPS}
    maps["generation.map"]["generation"] = str(routes.generation)
    servers: dict[str, dict[str, str]] = {}
    backends: list[list[str]] = []
    longest = settings.timeout
    for service in sorted(routes.services, key=lambda item: item.id):
        weighted = [backend for backend in service.backends if backend.weight > 0]
        # Nothing to send calls to is "starting" for the caller, whatever was meant.
        state = service.state if weighted or service.state == "stopped" else "starting"
        first = backend_name(service, weighted[0]) if weighted else "-"
        limit = service.max_body or settings.max_body
        maps["services.map"][f"{service.group}/{service.name}"] = f"{service.id}|{state}|{service.access}|{limit}|{first}"
        for key in service.keys:
            maps["keys.map"][f"{service.id}/{key.sha256}"] = f"{key.key_id}|{NEVER if key.expires is None else int(key.expires)}"
        for origin in service.allowed_origins:
            maps["origins.map"][f"{service.id}|{origin}"] = "1"
        maps["splits.map"] |= splits(service, weighted)
        longest = max(longest, service.timeout or 0)
        for backend in sorted(service.backends, key=lambda item: item.number):
            backends.append(backend_lines(service, backend, settings))
            servers[backend_name(service, backend)] = {
                server_name(replica): server_options(replica, settings) for replica in backend.replicas
            }

    def text(structure: str, with_servers: bool) -> str:
        lines = rules.top(settings, structure, longest + 30) + rules.frontend(settings)
        for block in backends:
            lines += block
            if with_servers:
                lines += [f"  server {name} {options}" for name, options in sorted(servers[block[0].split()[1]].items())]
            lines.append("")
        return "\n".join(lines)

    structure = hashlib.sha256(text("", False).encode()).hexdigest()[:32]
    files = {"haproxy.cfg": text(structure, True), "routes.json": json.dumps(routes.as_data(), indent=1) + "\n"}
    for name, entries in maps.items():
        files[name] = "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))
    return Rendered(generation=routes.generation, structure=structure, files=files, maps=maps, servers=servers)
