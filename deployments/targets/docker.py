"""Services as containers of one Docker Engine: one hardened container a replica, on an internal network of our own.

Callers never reach a replica but through the gateway, which dials the container's own address: no port is published.
The network lets replicas reach neither each other nor the world. Nothing restarts by itself: the reconciler does that,
so that there is one place that decides what runs.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from deployments.docker_engine import (
    KIND,
    LABEL,
    SYSTEM,
    UID,
    Engine,
    engine_at,
    host_config,
    inspect_image,
    is_gone,
    plain_errors,
    remove_container,
)
from deployments.lines import clean, memory_text
from deployments.targets.base import Check, ObservedReplica, ReplicaState, Spec, Target, image_gone, other_image
from deployments.targets.endings import ending
from portal.errors import Unavailable
from portal.told import told

PORT = 5001
SPEC, SPEC_HASH, DIGEST, MEMORY = "modelport.spec", "modelport.spec-hash", "modelport.digest", "modelport.memory"


class DockerTarget(Target):
    """`installation` tells this portal's containers from another portal's on the same engine."""

    image_format = "oci"
    title = "Docker Engine"
    about = _(
        "Every replica is a container with limits of its own on memory, CPU and network. For teams. It needs a Docker Engine that the portal reaches."
    )

    #: the last CPU reading of a container, since use is a difference; shared, for a target lives as long as one call
    _readings: dict[str, tuple[float, float]] = {}

    def __init__(self, *, base_url: str | None = None, installation: str = "local"):
        self.engine: Engine = engine_at(base_url)
        self.installation = installation
        self.network = f"modelport-{installation}"

    # -- what should be ------------------------------------------------------

    def apply(self, spec: Spec) -> None:
        wanted = spec.fingerprint()
        image = self._image(spec)
        self._ensure_network()
        good, bad = [], []
        for container in self._containers(spec.name):
            labels = container["Config"]["Labels"]
            fits = (
                labels.get(SPEC_HASH) == wanted and container["Image"] == image and container["State"]["Status"] in ("created", "running")
            )
            (good if fits else bad).append(container)
        good.sort(key=lambda container: container["Created"])
        for _replica in range(spec.replicas - len(good)):
            self._start(spec, image, wanted)
        self._stop([container["Id"] for container in bad + good[spec.replicas :]], grace=10.0)

    def remove(self, name: str, *, grace: float = 10.0) -> None:
        self._stop([container["Id"] for container in self._containers(name)], grace=grace)

    def remove_replica(self, name: str, replica: str, *, grace: float = 10.0) -> None:
        self._stop([container["Id"] for container in self._containers(name) if _name(container) == replica], grace=grace)

    # -- what is -------------------------------------------------------------

    def observe(self, name: str) -> list[ObservedReplica]:
        return sorted((self._observed(container) for container in self._containers(name)), key=lambda replica: replica.name)

    def names(self) -> set[str]:
        with plain_errors(told("list containers")):
            found = self.engine.api().containers(all=True, filters={"label": self._filter()})
        return {container["Labels"][SPEC] for container in found if SPEC in container["Labels"]}

    def logs(self, name: str, replica: str, *, lines: int = 200) -> list[str]:
        import docker.errors

        with plain_errors(told("read a log")):
            try:
                data = self.engine.api().logs(self._id(name, replica), tail=lines)
            except docker.errors.NotFound:
                return []
        return [clean(line) for line in data.decode("utf-8", "replace").splitlines()][-lines:]

    def follow(self, name: str, replica: str, *, since: datetime | None = None) -> Iterator[tuple[datetime, str]]:
        import docker.errors

        with plain_errors(told("follow a log")):
            try:
                # Whole seconds: the engine's own comparison is by its clock, and what was seen already is left out below.
                begin = {"since": int(since.timestamp())} if since else {}
                stream = self.engine.api().logs(self._id(name, replica), stream=True, follow=True, timestamps=True, **begin)
            except docker.errors.NotFound:
                return
            try:
                for line in whole_lines(stream):
                    stamp, _, text = line.decode("utf-8", "replace").partition(" ")
                    at = _moment(stamp)
                    if at and not (since and at <= since):
                        yield at, clean(text)
            finally:
                stream.close()

    def usage(self, name: str) -> dict[str, tuple[float, int]]:
        running = {container["Id"]: _name(container) for container in self._containers(name) if container["State"]["Running"]}
        new = [identity for identity in running if identity not in self._readings]
        for identity in new:
            if reading := self._reading(identity):
                self._readings[identity] = reading[:2]
        if new:
            time.sleep(0.25)
        found = {}
        for identity, replica in running.items():
            if reading := self._reading(identity):
                cpu, at, memory = reading
                before, then = self._readings.get(identity, (cpu, at - 1))
                self._readings[identity] = (cpu, at)
                found[replica] = (max(cpu - before, 0.0) / max(at - then, 1e-3), memory)
        return found

    def check(self) -> list[Check]:
        try:
            with plain_errors(told("answer")):
                about, version = self.engine.api().info(), self.engine.api().version()
        except Unavailable as error:
            cure = "Start Docker Engine, and let the portal's user reach its socket (group docker), or set MODELPORT_DOCKER_HOST."
            return [Check("Docker Engine answers", False, error.detail, cure)]
        checks = [
            Check(
                "Docker Engine answers",
                True,
                f"Version {version['Version']}, API {version['ApiVersion']}, {about['NCPU']} CPUs, {memory_text(about['MemTotal'])}",
                cores=about["NCPU"],
                memory=about["MemTotal"],
            )
        ]
        limits = all(about.get(key) for key in ("MemoryLimit", "SwapLimit", "CpuCfsQuota", "PidsLimit"))
        checks.append(
            Check(
                "Limits are enforced",
                limits,
                "Memory, CPU and process limits work." if limits else "The kernel does not enforce every limit.",
                "" if limits else "Enable the memory, swap, cpu and pids controllers of cgroups on the engine's machine.",
                needed=False,
            )
        )
        try:
            self._ensure_network()
            checks.append(
                Check(
                    "Replicas have their own network",
                    True,
                    f"{self.network}: no way to other networks, none between replicas. What listens on all addresses of this machine can still be reached.",
                )
            )
        except Unavailable as error:
            cure = f"Remove the network {self.network} from the engine: it is made anew."
            checks.append(Check("Replicas have their own network", False, error.detail, cure))
        # No fault either way: most services need none.
        gpus = "An NVIDIA runtime: services may ask for GPUs." if _has_gpus(about) else "The engine has no NVIDIA runtime: no GPUs."
        return [*checks, Check("GPUs", True, gpus)]

    def offers_gpus(self) -> bool:
        with plain_errors(told("tell what it has")):
            return _has_gpus(self.engine.api().info())

    # -- parts ---------------------------------------------------------------

    def _filter(self, name: str = "") -> list[str]:
        return [f"{LABEL}={self.installation}", f"{KIND}=replica"] + ([f"{SPEC}={name}"] if name else [])

    def _containers(self, name: str) -> list[dict]:
        import docker.errors

        with plain_errors(told("look at the replicas")):
            found, api = [], self.engine.api()
            for container in api.containers(all=True, filters={"label": self._filter(name)}):
                try:
                    found.append(api.inspect_container(container["Id"]))
                except docker.errors.NotFound:
                    continue
            return found

    def _id(self, name: str, replica: str) -> str:
        """The container of a replica; a name that is not one of this spec's is not looked for among others."""
        import docker.errors

        for container in self._containers(name):
            if _name(container) == replica:
                return container["Id"]
        raise docker.errors.NotFound(f"no replica {replica}")

    def _image(self, spec: Spec) -> str:
        """The engine's id of exactly the image asked for; pulled by digest when it came from a registry."""
        if "@" not in spec.image:
            found = inspect_image(self.engine, spec.digest)
            if found is None:
                raise image_gone(SYSTEM, spec.image, spec)
            return found["Id"]
        if not spec.image.endswith("@" + spec.digest):
            raise other_image(SYSTEM, spec.image, spec)
        found = inspect_image(self.engine, spec.image)
        if found is None:
            with plain_errors(told("pull %(image)s", image=spec.image)):
                self.engine.api().pull(spec.image.partition("@")[0], tag=spec.digest)
            found = inspect_image(self.engine, spec.image)
        if found is None:
            raise Unavailable(SYSTEM, told("it pulled %(image)s and does not have it", image=spec.image))
        return found["Id"]

    def _start(self, spec: Spec, image: str, wanted: str) -> None:
        name = f"{spec.name}-{uuid.uuid4().hex[:8]}"
        labels = dict(spec.labels) | {
            LABEL: self.installation,
            KIND: "replica",
            SPEC: spec.name,
            SPEC_HASH: wanted,
            DIGEST: spec.digest,
            MEMORY: str(spec.memory),
        }
        config = host_config(
            self.engine,
            memory=spec.memory,
            network=self.network,
            pids_limit=spec.threads,
            nano_cpus=int(spec.cpu * 1_000_000_000),
            tmpfs={"/tmp": "size=64m,mode=1777,noexec,nosuid,nodev"},
            **({"device_requests": _gpus(spec.gpus)} if spec.gpus else {}),
        )
        with plain_errors(told("start a replica")):
            api = self.engine.api()
            api.create_container(
                image,
                name=name,
                host_config=config,
                labels=labels,
                environment=dict(spec.environment),
                user=f"{UID}:{UID}",
                hostname="replica",
            )
        try:
            with plain_errors(told("start a replica")):
                api.start(name)
        except BaseException:
            remove_container(self.engine, name)
            raise

    def _stop(self, containers: list[str], *, grace: float) -> None:
        """All at once: they have the same time to finish what they are doing."""
        import docker.errors

        with plain_errors(told("stop a replica")):
            api = self.engine.api()
            waiting = []
            for container in containers:
                try:
                    api.kill(container, signal="SIGTERM")
                    waiting.append(container)
                except docker.errors.APIError as error:
                    if not is_gone(error):
                        raise
            end = time.monotonic() + grace
            while waiting and time.monotonic() < end:
                waiting = [container for container in waiting if self._is_running(container)]
                if waiting:
                    time.sleep(0.05)
        for container in containers:
            remove_container(self.engine, container)
            self._readings.pop(container, None)

    def _is_running(self, container: str) -> bool:
        import docker.errors

        try:
            return bool(self.engine.api().inspect_container(container)["State"]["Running"])
        except docker.errors.NotFound:
            return False

    def _observed(self, container: Mapping[str, Any]) -> ObservedReplica:
        state, labels = container["State"], container["Config"]["Labels"]
        address = container["NetworkSettings"]["Networks"].get(self.network, {}).get("IPAddress", "")
        common = {
            "name": _name(container),
            "started_at": _moment(state.get("StartedAt", "")),
            "digest_matches": self._is_image(container["Image"], labels.get(DIGEST, "")),
        }
        if state["Status"] == "created":
            return ObservedReplica(state=ReplicaState.STARTING, address="", **common)
        if state["Running"]:
            detail = "Paused by hand on the engine" if state.get("Paused") else ""
            return ObservedReplica(state=ReplicaState.RUNNING, address=f"{address}:{PORT}" if address else "", detail=detail, **common)
        code = state.get("ExitCode")
        return ObservedReplica(state=ReplicaState.EXITED, address="", exit_code=code, detail=_ending(state, code, labels), **common)

    def _is_image(self, identity: str, digest: str) -> bool:
        """Is this image id what was asked for: the id itself, or the registry's digest of the same image?"""
        if identity == digest:
            return True
        found = inspect_image(self.engine, identity) or {}
        return any(reference.endswith("@" + digest) for reference in found.get("RepoDigests") or [])

    def _reading(self, identity: str) -> tuple[float, float, int] | None:
        """(CPU seconds, now, bytes) of a container, or None when it is gone."""
        import docker.errors

        with plain_errors(told("measure a replica")):
            try:
                stats = self.engine.api().stats(identity, stream=False, one_shot=True)
            except docker.errors.NotFound:
                return None
        memory = stats.get("memory_stats") or {}
        details = memory.get("stats") or {}
        # Cached files are given back when memory is short, so they are not in use.
        cached = details.get("total_inactive_file", details.get("inactive_file", 0))
        cpu = (stats.get("cpu_stats") or {}).get("cpu_usage", {}).get("total_usage", 0) / 1e9
        return cpu, time.monotonic(), max(memory.get("usage", 0) - cached, 0)

    def _ensure_network(self) -> None:
        """Internal (no way to other networks) and without traffic between replicas; a network that is not is refused."""
        import docker.errors

        options = {"com.docker.network.bridge.enable_icc": "false"}
        with plain_errors(told("make the network of the replicas")):
            api = self.engine.api()
            found = [network for network in api.networks(names=[self.network]) if network["Name"] == self.network]
            if not found:
                try:
                    labels = {LABEL: self.installation, KIND: "network"}
                    api.create_network(self.network, driver="bridge", internal=True, options=options, labels=labels, check_duplicate=True)
                except docker.errors.APIError as error:
                    if getattr(error.response, "status_code", 0) != 409:
                        raise
                return
        if not found[0]["Internal"] or (found[0]["Options"] or {}).get("com.docker.network.bridge.enable_icc") != "false":
            somebodys = told("the network %(name)s was made by somebody else and is not closed: remove it", name=self.network)
            raise Unavailable(SYSTEM, somebodys)


def whole_lines(chunks: Iterable[bytes], longest: int = 64 * 1024) -> Iterator[bytes]:
    """Lines without their ends. Of a longer one the beginning comes, so that what never ends a line does not fill our memory."""
    rest, cut = b"", False
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if not cut:
                yield line[:longest]
            cut = False
        if len(rest) > longest:
            if not cut:
                yield rest[:longest]
            rest, cut = b"", True


def _has_gpus(about: Mapping[str, Any]) -> bool:
    """Does the engine's info name the runtime that the NVIDIA Container Toolkit sets up?"""
    return "nvidia" in (about.get("Runtimes") or {})


def _gpus(count: int) -> list[Any]:
    from docker.types import DeviceRequest

    return [DeviceRequest(driver="nvidia", count=count, capabilities=[["gpu"]])]


def _name(container: Mapping[str, Any]) -> str:
    return container["Name"].lstrip("/")


def _ending(state: Mapping[str, Any], code: int | None, labels: Mapping[str, str]) -> str:
    return ending(
        code, out_of_memory=bool(state.get("OOMKilled")), memory=int(labels.get(MEMORY, 0)), error=clean(state.get("Error") or "")
    )


def _moment(stamp: str) -> datetime | None:
    """RFC 3339 with nanoseconds, as the engine writes it; None for its zero time."""
    if not stamp or stamp.startswith("0001-"):
        return None
    try:
        whole, _, fraction = stamp.rstrip("Z").partition(".")
        return datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}").replace(tzinfo=UTC)
    except ValueError:
        return None
