"""What the Docker builder and the Docker target share: a connection, plain errors, hardened containers.

The SDK is imported inside functions, so that a portal on a machine without Docker starts.
"""

from __future__ import annotations

import functools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from deployments.builds.builders.base import Report
from deployments.lines import clean, without_credentials
from portal.errors import Unavailable
from portal.told import told
from registry.runtimes import THREADS

SYSTEM = "Docker Engine"

#: On everything we make in an engine; its value is the installation's id, so that two portals can share one engine.
LABEL = "modelport"
KIND = "modelport.kind"

#: The usual reasons why nobody answers, found in the SDK's text, in words for whoever starts the portal.
NO_ENGINE = {
    "FileNotFoundError": told("there is none at its usual address, nor at MODELPORT_DOCKER_HOST or DOCKER_HOST if one is set."),
    "PermissionError": told("this account may not use it. Add the account to the group docker and sign in again."),
    "Connection refused": told("nobody listens at its address. Start it, or name another with MODELPORT_DOCKER_HOST."),
}

#: The user of every container of ours. No such account exists in the base images, on purpose.
UID = 10001


class Engine:
    """One engine; a client a thread, since a cancel arrives on another thread than the work."""

    def __init__(self, base_url: str | None = None, *, timeout: int = 60):
        self.base_url, self.timeout = base_url or None, timeout
        self._local = threading.local()

    def api(self) -> Any:
        """The connected low-level client (`docker.APIClient`). Raises Unavailable when nobody answers."""
        import docker

        client = getattr(self._local, "client", None)
        if client is None:
            with plain_errors(told("connect")):
                options = {"timeout": self.timeout, "version": "auto"}
                client = docker.DockerClient(base_url=self.base_url, **options) if self.base_url else docker.from_env(**options)
            self._local.client = client
        return client.api


@functools.cache
def engine_at(base_url: str | None) -> Engine:
    """The one connection of this process to that engine; None is what DOCKER_HOST says, or the local socket."""
    return Engine(base_url)


@contextmanager
def plain_errors(doing: str) -> Iterator[None]:
    """SDK and transport errors become Unavailable, so that no caller needs to know the SDK."""
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.DockerException as error:
        raise refused(doing, str(getattr(error, "explanation", "") or error)) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise refused(doing, str(error)) from error


def refused(doing: str, text: str) -> Unavailable:
    text = without_credentials(clean(text))[:400]
    if "no space left on device" in text.lower():
        return Unavailable(SYSTEM, told("could not %(do)s: no disk space left", do=doing), code="InsufficientStorage", status=507)
    for sign, words in NO_ENGINE.items():
        if "fetching server API version" in text and sign in text:
            return Unavailable(SYSTEM, words)
    return Unavailable(SYSTEM, told("could not %(do)s: %(error)s", do=doing, error=text))


def host_config(engine: Engine, *, memory: int, network: str, read_only: bool = True, **more: Any) -> Any:
    """The limits of every container that runs other people's code; the tests read them back from inside."""
    from docker.types import LogConfig, Ulimit

    options: dict[str, Any] = {
        "mem_limit": memory,
        "memswap_limit": memory,
        "network_mode": network,
        "read_only": read_only,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": THREADS,
        "init": True,
        "ipc_mode": "private",
        "restart_policy": {"Name": "no"},
        "ulimits": [Ulimit(name="nofile", soft=4096, hard=4096), Ulimit(name="core", soft=0, hard=0)],
        "log_config": LogConfig(type="json-file", config={"max-size": "10m", "max-file": "3"}),
    }
    return engine.api().create_host_config(**{**options, **more})


def remove_container(engine: Engine, container: str) -> None:
    """Force it away, running or not. Already gone is success."""
    import docker.errors

    with plain_errors(told("remove a container")):
        try:
            engine.api().remove_container(container, force=True, v=True)
        except docker.errors.APIError as error:
            if not is_gone(error):
                raise


def is_gone(error: Exception) -> bool:
    """Is this the engine saying that the thing is not there, not running, or being removed already?"""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == 404 or (status == 409 and any(word in str(error) for word in ("removal", "is not running")))


def inspect_image(engine: Engine, reference: str) -> dict | None:
    """What the engine knows of an image, or None when it has none of that name."""
    import docker.errors

    with plain_errors(told("look at an image")):
        try:
            return engine.api().inspect_image(reference)
        except docker.errors.ImageNotFound:
            return None


def remove_image(engine: Engine, reference: str) -> None:
    """Untag and remove. Already gone is success."""
    import docker.errors

    with plain_errors(told("remove an image")):
        try:
            engine.api().remove_image(reference)
        except docker.errors.APIError as error:
            if not is_gone(error):
                raise


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended. `container` is there until the block is left, and then until all of `busy` have ended."""

    container: str
    code: int
    out_of_memory: bool
    timed_out: bool
    busy: list[threading.Thread] = field(default_factory=list)


@contextmanager
def ran(
    engine: Engine,
    *,
    image: str,
    command: list[str],
    config: Any,
    labels: Mapping[str, str],
    report: Report,
    timeout: float,
    stdout: Callable[[bytes], None],
    stderr: Callable[[bytes], None],
    stdin: bytes | None = None,
    files: Iterable[bytes] | None = None,
    **options: Any,
) -> Iterator[Ended]:
    """Run one hardened container to its end and remove it, whatever happens, when the block is left.

    `stdin` is sent as it is and never a part of a command line; `files` is a tar put into it before it starts. A cancel kills the container at once
    and comes out as Cancelled; so does the time limit, as `timed_out`.
    """
    import docker.errors

    name = f"modelport-{labels[KIND]}-{uuid.uuid4().hex}"
    stopped, timed_out = threading.Event(), threading.Event()

    def stop() -> None:
        stopped.set()
        with plain_errors(told("stop a container")):
            try:
                engine.api().kill(name)
            except docker.errors.APIError as error:
                if not is_gone(error):
                    raise

    def out_of_time() -> None:
        timed_out.set()
        stop()

    report.check_cancelled()
    busy: list[threading.Thread] = []
    clock = threading.Timer(timeout, out_of_time)
    clock.daemon = True
    try:
        with plain_errors(told("run a container")), report.on_cancel(stop):
            api = engine.api()
            api.create_container(
                image, command, name=name, host_config=config, labels=dict(labels), stdin_open=stdin is not None,
                user=f"{UID}:{UID}", **options,
            )  # fmt: skip
            if files is not None:
                api.put_archive(name, "/", files)
            streams = api.attach_socket(name, params={"stdin": int(stdin is not None), "stdout": 1, "stderr": 1, "stream": 1})
            try:
                report.check_cancelled()
                clock.start()
                api.start(name)
                if stopped.is_set():
                    stop()
                _talk(streams, stdin, stdout, stderr)
            finally:
                streams.close()
            code = api.wait(name, timeout=engine.timeout)["StatusCode"]
            state = api.inspect_container(name)["State"]
        yield Ended(name, code, bool(state.get("OOMKilled")), timed_out.is_set(), busy)
    finally:
        clock.cancel()
        if any(thread.is_alive() for thread in busy):
            threading.Thread(target=_remove_when_idle, args=(engine, name, busy), daemon=True).start()
        else:
            remove_container(engine, name)


def _remove_when_idle(engine: Engine, container: str, busy: list[threading.Thread]) -> None:
    for thread in busy:
        thread.join()
    with suppress(Unavailable):
        remove_container(engine, container)


def commit(engine: Engine, ended: Ended, reference: str, report: Report) -> str:
    """Keep what a container left behind as an image; returns its id.

    The engine cannot be stopped while it does this. A cancel comes back at once, and what is made too late is removed.
    """
    repository, _, tag = reference.partition(":")
    made: list[str] = []
    failed: list[Unavailable] = []
    unwanted, finished = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with plain_errors(told("keep an environment")):
                api = engine.api()
                api.timeout = None  # a connection of this thread alone: large environments take minutes
                made.append(api.commit(ended.container, repository=repository, tag=tag)["Id"])
        except Unavailable as error:
            failed.append(error)
        finally:
            finished.set()
        if unwanted.is_set():
            with suppress(Unavailable):
                remove_image(engine, reference)

    def give_up() -> None:
        unwanted.set()
        finished.set()

    thread = threading.Thread(target=work, daemon=True)
    ended.busy.append(thread)
    with report.on_cancel(give_up):
        thread.start()
        finished.wait()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _talk(streams: Any, stdin: bytes | None, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]) -> None:
    """Send, then read both output streams to their end."""
    from docker.utils.socket import STDOUT, frames_iter

    connection = getattr(streams, "_sock", streams)
    connection.settimeout(None)
    if stdin:
        try:
            connection.sendall(stdin)
        except BrokenPipeError:
            pass  # it ended before it read: its exit code says why
    try:
        for stream, data in frames_iter(streams, tty=False):
            (stdout if stream == STDOUT else stderr)(data)
    except ConnectionResetError:
        pass  # the same, seen from the other side


def stream(
    engine: Engine,
    path: str,
    *,
    doing: str,
    params: Mapping[str, Any],
    report: Report,
    headers: Mapping[str, str] | None = None,
    data: Iterable[bytes] | None = None,
) -> Iterator[dict]:
    """POST to the engine and read its events while they come.

    The SDK's own build, pull and push hide the response, and closing it is the only way to make the engine
    stop: that is what a cancel does here. An `error` event is yielded, not raised: who is to blame is the caller's.
    """
    report.check_cancelled()
    with plain_errors(doing):
        api = engine.api()
        url = f"{api.base_url}/v{api.api_version}{path}"
        response = api.post(url, params=dict(params), headers=dict(headers or {}), data=data, stream=True, timeout=(engine.timeout, None))
        try:
            with report.on_cancel(response.raw.shutdown):
                if response.status_code >= 400:
                    yield {"error": without_credentials(clean(response.text))}
                    return
                for line in response.iter_lines():
                    if line.strip():
                        yield json.loads(line)
        finally:
            response.close()


def build_image(
    engine: Engine, context: Iterable[bytes], *, tag: str, labels: Mapping[str, str], build: str, report: Report, log: bool = True
) -> str:
    """Build `tag` from a tar stream whose Dockerfile starts with `LABEL modelport.build=<build>`; returns the image's id.

    On any failure nothing stays: neither the tag nor the unnamed images of the steps.
    """
    identity = ""
    try:
        events = stream(
            engine, "/build", doing=told("build an image"), report=report, data=context, headers={"Content-Type": "application/x-tar"},
            params={"t": tag, "dockerfile": "Dockerfile", "rm": "1", "forcerm": "1", "labels": json.dumps(dict(labels))},
        )  # fmt: skip
        for event in events:
            if "error" in event:
                raise refused(told("build an image"), event["error"])
            identity = event.get("aux", {}).get("ID") or identity
            if log and (text := clean(event.get("stream", ""))):
                report.line(text)
        if not identity:
            raise refused(told("build an image"), "the engine ended the build without an image")
        return identity
    except BaseException:
        # The engine finishes the step it is in before it notices that we hung up, so look again for a while.
        _remove_leftovers(engine, tag, build)
        threading.Thread(target=_remove_leftovers, args=(engine, tag, build, 12), daemon=True).start()
        raise


def _remove_leftovers(engine: Engine, tag: str, build: str, looks: int = 1) -> None:
    for look in range(looks):
        if look:
            time.sleep(2.5)
        with suppress(Unavailable), plain_errors(told("remove an unfinished image")):
            api = engine.api()
            for image in api.images(filters={"label": f"modelport.build={build}"}):
                for reference in image["RepoTags"] or [image["Id"]]:
                    remove_image(engine, image["Id"] if reference == "<none>:<none>" else reference)
