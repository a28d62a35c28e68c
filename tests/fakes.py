"""A target and a builder without an engine, so that what stands above the ports can be tested quickly.

The fake target's replicas are real HTTP servers that tell who they are, so health,
rollout and reconciling see what they would see of a container.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deployments.builds.builders.base import Base, Builder, BuildFailed, Built, EnvironmentImage, Package, Probe
from deployments.targets.base import Check, ObservedReplica, ReplicaState, Target
from portal.errors import Unavailable


class _Server:
    """One replica."""

    def __init__(self, spec, number: int):
        self.spec, self.name, self.started_at, self.exit_code = spec, f"{spec.name}-{number}", datetime.now(UTC), None
        replica = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                environment = replica.spec.environment
                right = self.headers.get("X-Modelport-Secret") == environment["MODELPORT_SECRET"]
                said = {name: environment[f"MODELPORT_{name.upper()}"] for name in ("service", "revision", "nonce")}
                body = json.dumps({"status": "ready", "digest": replica.spec.digest, **said}).encode()
                self.send_response(200 if right and FakeTarget.ready else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = FakeTarget.answer(replica.spec, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args): ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self, code: int = 1) -> None:
        self.exit_code = code
        self.server.shutdown()
        self.server.server_close()

    @property
    def seen(self) -> ObservedReplica:
        state = ReplicaState.RUNNING if self.exit_code is None else ReplicaState.EXITED
        detail = "" if self.exit_code is None else f"It ended with exit code {self.exit_code}."
        return ObservedReplica(self.name, state, f"127.0.0.1:{self.server.server_address[1]}", self.started_at, self.exit_code, detail)


class FakeTarget(Target):
    """Class-wide, as an engine is: `replicas` is what runs, `answer(spec, body)` what they score, `away` makes every verb fail, `dead_at_start` and `ready` make trouble."""

    image_format, title = "oci", "Fake"
    replicas: dict[str, list[_Server]] = {}
    away = dead_at_start = False
    ready = True
    numbers = 0
    answer = staticmethod(lambda spec, body: body)

    @classmethod
    def reset(cls) -> None:
        for servers in cls.replicas.values():
            for server in servers:
                if server.exit_code is None:
                    server.die()
        cls.answer = staticmethod(lambda spec, body: body)
        cls.replicas, cls.away, cls.dead_at_start, cls.ready = {}, False, False, True

    def _there(self) -> None:
        if self.away:
            raise Unavailable("The fake engine", "it is away")

    def apply(self, spec) -> None:
        self._there()
        servers = [server for server in self.replicas.get(spec.name, []) if server.exit_code is None]
        while len(servers) > spec.replicas:
            servers.pop().die(0)
        while len(servers) < spec.replicas:
            type(self).numbers += 1
            servers.append(_Server(spec, self.numbers))
            if self.dead_at_start:
                servers[-1].die(3)
        self.replicas[spec.name] = servers

    def observe(self, name):
        self._there()
        return sorted((server.seen for server in self.replicas.get(name, [])), key=lambda seen: seen.name)

    def remove(self, name, *, grace=10.0) -> None:
        self._there()
        for server in self.replicas.pop(name, []):
            if server.exit_code is None:
                server.die(0)

    def remove_replica(self, name, replica, *, grace=10.0) -> None:
        self._there()
        for server in [server for server in self.replicas.get(name, []) if server.name == replica]:
            server.die(0)
            self.replicas[name].remove(server)

    def names(self):
        return set(self.replicas)

    def logs(self, name, replica, *, lines=200):
        return ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'lightgbm'"][:lines]

    def follow(self, name, replica, *, since=None):
        yield datetime.now(UTC), "hello"

    def usage(self, name):
        return {server.name: (0.25, 2**20) for server in self.replicas.get(name, [])}

    def check(self):
        return [Check("Connection", not self.away, "it is there")]


class FakeBuilder(Builder):
    """`trouble` maps a verb to the exception it raises, `block` names a verb that waits until it is cancelled; `calls` tells what was done."""

    image_format = "oci"
    trouble: dict[str, Exception] = {}
    block = ""
    calls: list[str] = []
    environments: dict[str, EnvironmentImage] = {}
    discarded: list[str] = []

    @classmethod
    def reset(cls) -> None:
        cls.trouble, cls.block, cls.calls, cls.environments, cls.discarded = {}, "", [], {}, []

    def _do(self, verb: str, report) -> None:
        self.calls.append(verb)
        if self.block == verb:
            stop = threading.Event()
            with report.on_cancel(stop.set):
                stop.wait(20)
        if verb in self.trouble:
            raise self.trouble[verb]
        report.line(f"{verb} was done")

    def index_identity(self):
        return "fake"

    def base(self, runtime, python, report):
        return Base("fake-base", "sha256:" + "0" * 64, python, "linux/amd64")

    def resolve(self, base, requirements, report):
        self._do("resolve", report)
        return requirements

    def find_environment(self, base, key):
        return self.environments.get(key)

    def install(self, base, lock, key, report):
        self._do("install", report)
        self.environments[key] = EnvironmentImage(key, f"env:{key}", "sha256:" + key, (Package("msgspec", "0.20"),))
        return self.environments[key]

    def bundle(self, environment, bundle, *, name, labels, report):
        self._do("bundle", report)
        for file in bundle.files:
            with file.open() as opened:
                hashlib.sha256(opened.read()).hexdigest()
        # The fake target says the spec's digest back, which a real replica reads from bundle.json.
        return Built(f"image:{name}", bundle.digest, sum(file.size for file in bundle.files))

    def probe(self, built, *, memory, timeout, report):
        self._do("probe", report)
        return Probe(True, "", {"answer": 42}, {"python": "3.11"})

    def push(self, built, report):
        self._do("push", report)
        return built

    def discard(self, location):
        self.discarded.append(location)


def wait_until(question, seconds: float = 10.0) -> None:
    """Bounded waiting for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


NO_PACKAGE = BuildFailed("There is no package called `scikit-lern`. Did you mean `scikit-learn`?", file="requirements.txt", line=1)
