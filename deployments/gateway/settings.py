"""What the gateway needs to know that does not change while services come and go."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

# A Unix socket address holds 107 characters, and HAProxy binds a temporary name with a process id behind it first.
LONGEST_SOCKET_FOLDER = 70
#: one that stands in a configuration as it is
PLAIN_ADDRESS = re.compile(r"^https?://[A-Za-z0-9._/:\[\]~-]+$")
SAFE_FOLDER = re.compile(r"^/[A-Za-z0-9._/+@~-]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """`folder` is the gateway's own (0700); `log_address` is `host:port` of the call log's receiver, "" for no log.

    Pages of the portal, at the address `portal_origin`, may call every service from a browser. Sizes are bytes, times seconds.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8081
    portal_origin: str = ""
    log_address: str = ""
    haproxy: str = ""
    max_body: int = 16 * 1024 * 1024
    timeout: int = 60
    #: how much longer than the service's own limit the gateway waits, so that the replica's answer wins
    timeout_grace: int = 2
    header_timeout: int = 10
    client_timeout: int = 60
    idle_timeout: int = 30
    check_interval_ms: int = 1000
    #: calls the log keeps while its receiver is away
    log_buffer: int = 32 * 1024 * 1024

    @property
    def origin(self) -> str:
        """What a browser on the portal's pages calls their origin: scheme, host and port of the address, without a path."""
        return "/".join(self.portal_origin.split("/")[:3]).lower()

    @property
    def service_page(self) -> str:
        """Where people read about the service that is called, as HAProxy's format; empty when the portal's address is not known."""
        address = self.portal_origin.rstrip("/")
        if not PLAIN_ADDRESS.match(address):
            return ""
        return f"{address}/g/%[var(txn.name),field(1,/)]/services/%[var(txn.name),field(2,/)]/docs"

    @property
    def sockets(self) -> Path:
        """Where the control sockets lie: in the folder, or, when its path is too long or has odd characters, in a short one."""
        folder = str(Path(self.folder).absolute())
        if len(folder) <= LONGEST_SOCKET_FOLDER and SAFE_FOLDER.match(folder):
            return Path(folder)
        name = hashlib.sha256(folder.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"modelport-gateway-{os.getuid()}-{name}"

    @property
    def master_socket(self) -> Path:
        return self.sockets / "master.sock"

    @property
    def stats_socket(self) -> Path:
        return self.sockets / "stats.sock"

    def make_folders(self) -> None:
        """Create both folders for us alone. A folder in a shared place that is not ours is refused."""
        for folder in (Path(self.folder), self.sockets):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = os.lstat(self.sockets)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{self.sockets} belongs to somebody else")
        os.chmod(self.sockets, 0o700)
