"""Which real parts this machine has, and what happens to tests that need one it lacks.

On a laptop such a test is skipped, with the reason. With MODELPORT_REQUIRE_ALL=1 (as `.ci/run` sets) it fails, and
so does every other skip: a green run there has run everything. `tests/conftest.py` imports the two hooks.

A test may also ask in words: `reason = missing("docker")`.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

REQUIRE_ALL = os.environ.get("MODELPORT_REQUIRE_ALL", "") in {"1", "yes", "true"}
POSTGRES_URL = os.environ.get("MODELPORT_TEST_POSTGRES_URL", "")
REDIS_URL = os.environ.get("MODELPORT_TEST_REDIS_URL", "")
#: azure://account:key@container/team?endpoint=... Without one the tests of remote storages run on S3 alone.
AZURE_URL = os.environ.get("MODELPORT_TEST_AZURE_URL", "")
PARTS = ("docker", "postgres", "redis", "browser", "nginx")
BASE_IMAGE = "python:3.11-slim-bookworm"


def chromium() -> str | None:
    """The browser for tests: MODELPORT_CHROMIUM, or a Chromium of the machine."""
    named = os.environ.get("MODELPORT_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@cache
def missing(part: str) -> str | None:
    """Why `part` cannot be used here, in one sentence; None when it can."""
    return {"docker": _docker, "postgres": _postgres, "redis": _redis, "browser": _browser, "nginx": _nginx}[part]()


def _docker() -> str | None:
    import docker

    try:
        client = docker.from_env(timeout=10)
        client.ping()
    except docker.errors.DockerException as error:
        return f"No Docker Engine answers: {error}"
    try:
        client.images.get(BASE_IMAGE)
    except docker.errors.ImageNotFound:
        try:
            client.images.pull(BASE_IMAGE)
        except docker.errors.APIError as error:
            return f"The Docker Engine has no image {BASE_IMAGE} and cannot pull it: {error}"
    finally:
        client.close()
    return None


def _postgres() -> str | None:
    if not POSTGRES_URL:
        return "MODELPORT_TEST_POSTGRES_URL names no PostgreSQL."
    import psycopg

    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=5).close()
    except psycopg.Error as error:
        return f"PostgreSQL does not answer: {error}"
    return None


def _redis() -> str | None:
    if not REDIS_URL:
        return "MODELPORT_TEST_REDIS_URL names no Redis."
    import redis

    try:
        redis.Redis.from_url(REDIS_URL, socket_timeout=5).ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {error}"
    return None


def _browser() -> str | None:
    path = chromium()
    if path is None or not Path(path).exists():
        return "There is no Chromium; name one with MODELPORT_CHROMIUM."
    return None


def _nginx() -> str | None:
    return None if shutil.which("nginx", path="/usr/sbin:/usr/bin") else "There is no nginx in /usr/sbin."


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in PARTS:
        if item.get_closest_marker(part) and (reason := missing(part)):
            if REQUIRE_ALL:
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"Nothing is skipped with MODELPORT_REQUIRE_ALL=1, and this was: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome, report.longrepr = "failed", f"Nothing is skipped with MODELPORT_REQUIRE_ALL=1, and {collector.nodeid} was."
    return report
