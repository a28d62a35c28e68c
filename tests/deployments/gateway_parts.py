"""A real HAProxy and small real replicas, for the gateway's tests."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deployments.gateway import Gateway, GatewaySettings, KeyRoute, ReplicaRoute, RevisionBackend, Routes, ServiceRoute

PORTAL = "http://127.0.0.1:8080"
KEY = "mp_abcdefghijkl_" + "k" * 43
OTHER_KEY = "mp_mnopqrstuvwx_" + "o" * 43
IRIS, OTHER = "1" * 32, "2" * 32


def until(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


def quiet(server, request, address) -> None:
    """A health check that does not wait for the whole answer is no fault of the replica."""


class Upstream:
    """A replica: says who it is on /readyz, refuses calls without its secret, and keeps what it was asked."""

    def __init__(
        self, name: str = "r0", service: str = "demo/iris", revision: int = 1, secret: str = "iris-secret", path: Path | None = None
    ):
        self.name, self.service, self.revision, self.secret, self.path = name, service, revision, secret, path
        self.nonce, self.digest = "nonce-1", "sha256:" + "a" * 64
        self.seen: list[tuple[str, str, list[tuple[str, str]]]] = []
        self.probes = 0
        self.delay = 0.0
        self.hang_up = False
        self.headers: list[tuple[str, str]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = path is None

            def log_message(self, *args):
                pass

            def address_string(self):
                return "gateway"

            def do_GET(self):
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if self.headers.get_all("X-Modelport-Secret") != [upstream.secret]:
                    return self.reply(403, {"refused": upstream.name}, [])
                if self.path == "/readyz":
                    upstream.probes += 1
                    return self.reply(200, upstream.identity(), [])
                upstream.seen.append((self.command, self.path, list(self.headers.items())))
                if upstream.hang_up:
                    self.close_connection = True
                    return None
                time.sleep(upstream.delay)
                return self.reply(200, {"replica": upstream.name, "service": upstream.service, "body": sent}, upstream.headers)

            do_POST = do_HEAD = do_PUT = do_OPTIONS = do_GET

            def reply(self, status, data, headers):
                body = json.dumps(data).encode()
                self.send_response(status)
                for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            handle_error = quiet

        class TcpServer(ThreadingHTTPServer):
            request_queue_size = 128
            handle_error = quiet

        self.server = UnixServer(str(path), Handler) if path else TcpServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def identity(self) -> dict:
        return {"status": "ready", "service": self.service, "revision": str(self.revision), "digest": self.digest, "nonce": self.nonce}

    @property
    def route(self) -> ReplicaRoute:
        return ReplicaRoute(self.name, f"unix@{self.path}" if self.path else f"127.0.0.1:{self.server.server_address[1]}")

    def header(self, name: str) -> list[str]:
        """Every value of a header in the last call it got."""
        return [value for found, value in self.seen[-1][2] if found.lower() == name.lower()]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def key_route(key: str, key_id: str = "abcdefghijkl", expires: int | None = None) -> KeyRoute:
    return KeyRoute(key_id, hashlib.sha256(key.encode()).hexdigest(), expires)


def backend(*upstreams: Upstream, number: int | None = None, weight: int = 100) -> RevisionBackend:
    first = upstreams[0]
    return RevisionBackend(number or first.revision, weight, first.digest, first.nonce, tuple(item.route for item in upstreams))


def iris(*backends: RevisionBackend, **changes: Any) -> ServiceRoute:
    values = {"keys": (key_route(KEY),), "timeout": 5, "max_body": 1000} | changes
    return ServiceRoute("demo", "iris", IRIS, "iris-secret", backends=tuple(backends), **values)


def other(*backends: RevisionBackend, **changes: Any) -> ServiceRoute:
    values = {"keys": (key_route(OTHER_KEY, "mnopqrstuvwx"),), "timeout": 5} | changes
    return ServiceRoute("team", "other", OTHER, "other-secret", backends=tuple(backends), **values)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class Edge:
    """A gateway in a folder of its own, on a free port, with its HAProxy."""

    folder: Path
    log_address: str = ""
    generation: int = 0
    process: subprocess.Popen | None = None
    changes: dict = field(default_factory=dict)

    def __post_init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        values = {"port": port, "portal_origin": PORTAL, "log_address": self.log_address, "timeout_grace": 0, "check_interval_ms": 100}
        self.gateway = Gateway(GatewaySettings(folder=self.folder, **values | self.changes))

    @property
    def port(self) -> int:
        return self.gateway.settings.port

    def start(self) -> None:
        with open(self.folder.parent / "haproxy.log", "ab") as log:
            self.process = subprocess.Popen(self.gateway.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        until(lambda: self.gateway.running_generation() is not None, "HAProxy answers")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
            self.process = None

    def pid(self) -> int:
        return self.gateway.control.workers().current

    def apply(self, *services: ServiceRoute) -> str:
        """Applies the services under the next generation; returns how."""
        self.generation += 1
        done = self.gateway.apply(Routes(self.generation, tuple(services)))
        assert done.generation == self.generation
        return done.how

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def call(
        self,
        path: str = "/demo/iris/score",
        *,
        method: str | None = None,
        key: str | None = KEY,
        body: bytes | None = None,
        headers=(),
        over=None,
    ):
        """One call; `headers` are pairs and may repeat. The path is sent as it is written."""
        connection = over or self.connect()
        connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_accept_encoding=True)
        if key is not None:
            connection.putheader("Authorization", f"Bearer {key}")
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        result = Answer(answer.status, answer.headers, answer.read())
        if over is None:
            connection.close()
        return result


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
