"""A folder of wheels as a package index for the time of a run, for packages that no index in reach has.

It listens on the engine's bridge, where building containers reach it, and on loopback where there is no engine.
"""

from __future__ import annotations

import html
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copyfileobj
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The index's address while inside. It has the pages of the simple repository API, and nothing but the folder's wheels."""
    wheels: dict[str, list[Path]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        wheels.setdefault(canonicalize_name(wheel.name.partition("-")[0]), []).append(wheel)
    files = {wheel.name: wheel for found in wheels.values() for wheel in found}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            kind, _, name = unquote(self.path).strip("/").partition("/")
            if kind == "simple" and name in wheels:
                links = "".join(f'<a href="/files/{quote(wheel.name)}">{html.escape(wheel.name)}</a>\n' for wheel in wheels[name])
                self._begin(f"<!DOCTYPE html>\n{links}".encode(), "text/html")
            elif kind == "files" and name in files:
                self._begin(files[name], "application/octet-stream")
            else:
                self.send_error(404)

        def _begin(self, body: bytes | Path, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if isinstance(body, bytes) else body.stat().st_size))
            self.end_headers()
            if self.command == "HEAD":
                return
            if isinstance(body, bytes):
                self.wfile.write(body)
            else:
                with body.open("rb") as file:
                    copyfileobj(file, self.wfile)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer((_address(), 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()


def _address() -> str:
    command = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip() or "127.0.0.1"
    except (OSError, subprocess.SubprocessError):
        return "127.0.0.1"
