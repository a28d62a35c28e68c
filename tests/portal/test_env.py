"""Settings come from MODELPORT_ variables; a bad value is refused by name."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("read", "value", "meant"),
    [
        (lambda: env.text("X", "d"), "", "d"),
        (lambda: env.text("X"), "  a ", "a"),
        (lambda: env.flag("X"), "YES", True),
        (lambda: env.flag("X", True), "off", False),
        (lambda: env.number("X", 1), "42", 42),
        (lambda: env.port("X", 1), "65535", 65535),
        (lambda: env.names("X"), "a, b,,c", ["a", "b", "c"]),
        (lambda: env.url("X", ""), "https://m.example.org/", "https://m.example.org"),
    ],
)
def test_good_values(monkeypatch, read, value, meant):
    monkeypatch.setenv("MODELPORT_X", value)
    assert read() == meant
    assert "X" in env.asked


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.flag("X"), "maybe"),
        (lambda: env.number("X", 1), "-1"),
        (lambda: env.number("X", 1), "1.5"),
        (lambda: env.number("X", 1, most=5), "6"),
        (lambda: env.port("X", 1), "0"),
        (lambda: env.port("X", 1), "65536"),
        (lambda: env.url("X", ""), "models.example.org"),
        (lambda: env.url("X", ""), "ftp://models.example.org"),
        (lambda: env.url("X", ""), "https://models.example.org?a=b"),
        (lambda: env.folder("X", Path("/")), "/proc/nowhere"),
    ],
)
def test_bad_values_are_refused_by_name(monkeypatch, read, value):
    monkeypatch.setenv("MODELPORT_X", value)
    with pytest.raises(ImproperlyConfigured, match="MODELPORT_X"):
        read()


def test_a_secret_key_is_made_once_and_is_its_owners_alone(monkeypatch, tmp_path):
    monkeypatch.delenv("MODELPORT_SECRET_KEY", raising=False)
    first = env.secret_key(tmp_path)
    path = tmp_path / "secret_key"
    assert len(first) >= 60 and env.secret_key(tmp_path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    path.chmod(0o444)
    with pytest.raises(ImproperlyConfigured, match="other users"):
        env.secret_key(tmp_path)
    monkeypatch.setenv("MODELPORT_SECRET_KEY", "short")
    with pytest.raises(ImproperlyConfigured, match="MODELPORT_SECRET_KEY"):
        env.secret_key(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("MAX_FILE_BYTES", "0"), ("URL", "nonsense"), ("BEHIND_TLS_PROXY", "perhaps")]
)
def test_the_portal_does_not_start_with_a_bad_value(tmp_path, name, value):
    environment = {
        **os.environ,
        "MODELPORT_DATA": str(tmp_path),
        f"MODELPORT_{name}": value,
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
    }
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and f"MODELPORT_{name}={value!r}" in done.stderr


def test_the_database_is_its_owners_alone_whatever_the_folder_is(tmp_path):
    tmp_path.chmod(0o755)
    database = tmp_path / "db.sqlite3"
    database.touch(mode=0o644)
    ask = "from portal.settings import base; print(base.DATABASES['default']['NAME'])"
    environment = {"PATH": os.environ["PATH"], "MODELPORT_DATA": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == str(database), done.stderr
        assert stat.S_IMODE(database.stat().st_mode) == 0o600
        database.unlink()


@pytest.mark.parametrize(
    ("host", "url", "alone"),
    [
        ("127.0.0.1", "", True),
        ("localhost", "http://127.0.0.1:8080", True),
        ("0.0.0.0", "", False),
        ("127.0.0.1", "https://models.example.org", False),
    ],
)
def test_a_portal_behind_a_proxy_is_not_one_persons(tmp_path, host, url, alone):
    ask = "from portal.settings import base; print(base.ON_LOOPBACK)"
    environment = {"PATH": os.environ["PATH"], "MODELPORT_DATA": str(tmp_path), "MODELPORT_HOST": host, "MODELPORT_URL": url}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(alone), done.stderr
