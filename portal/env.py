"""Reads `MODELPORT_*` variables, each with a type; a bad value is refused by name at start.

Nothing else in the portal reads the environment, so `docs/settings.md` can be checked
against the names seen here.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

TRUE, FALSE = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}

#: every variable that was asked for, for tests/architecture/test_docs.py
asked: set[str] = set()


def _raw(name: str) -> str | None:
    asked.add(name)
    value = os.environ.get(f"MODELPORT_{name}", "").strip()
    return value or None


def _refuse(name: str, value: object, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"MODELPORT_{name}={value!r} cannot be used: expected {expected}.")


def given() -> dict[str, str]:
    """Every variable that was asked for and set, as it was set: secrets too, so `portal.masking` stands before whoever shows it."""
    return {f"MODELPORT_{name}": value for name in sorted(asked) if (value := os.environ.get(f"MODELPORT_{name}", "").strip())}


def text(name: str, default: str = "") -> str:
    return _raw(name) or default


def flag(name: str, default: bool = False) -> bool:
    value = _raw(name)
    if value is None:
        return default
    if value.lower() not in TRUE | FALSE:
        raise _refuse(name, value, "yes or no")
    return value.lower() in TRUE


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    value = _raw(name)
    if value is None:
        return default
    if not value.isdecimal() or int(value) < least or (most is not None and int(value) > most):
        raise _refuse(name, value, f"a whole number from {least}" + (f" to {most}" if most is not None else ""))
    return int(value)


def port(name: str, default: int) -> int:
    return number(name, default, least=1, most=65535)


def names(name: str) -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def folder(name: str, default: Path) -> Path:
    path = Path(text(name, str(default))).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _refuse(name, path, f"a folder that can be written ({error.strerror})") from None
    return path


def urls(name: str) -> list[str]:
    """A comma-separated list of http(s) addresses."""
    return [_address(name, value) for value in names(name)]


def url(name: str, default: str) -> str:
    """An http(s) origin, without a trailing slash."""
    return _address(name, text(name, default))


def _address(name: str, value: str) -> str:
    value = value.rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise _refuse(name, value, "an address like https://models.example.org")
    return value


def mail(name: str) -> dict[str, object]:
    """Django's settings for a mail server, from an address; empty without one. The value is not repeated: a password stands in it."""
    value = text(name)
    if not value:
        return {}
    expected = "an address like smtp+tls://user:password@mail.example.org:587"
    try:
        found = Env.email_url_config(value)
    except (ImproperlyConfigured, ValueError):
        raise _refuse(name, "...", expected) from None
    if value.startswith("smtp") and not found["EMAIL_HOST"]:
        raise _refuse(name, "...", expected)
    return {key: setting for key, setting in found.items() if setting is not None}


def secret_key(data: Path) -> str:
    """`MODELPORT_SECRET_KEY`, or a key made once and kept in the data folder, readable by its owner alone."""
    value = _raw("SECRET_KEY")
    if value is not None:
        if len(value) < 40:
            raise ImproperlyConfigured("MODELPORT_SECRET_KEY is too short: use at least 40 random characters.")
        return value
    path = data / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ImproperlyConfigured(
                f"{path} can be read by other users of this machine: chmod 400 it, or delete it to make a new key."
            ) from None
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(60))
            file.flush()
            os.fsync(file.fileno())
    return path.read_text().strip()


def private_file(path: Path) -> Path:
    """A file that its owner alone reads and writes, empty when it was not there; what others make beside it (a journal) follows its mode."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)) as file:
        about = os.fstat(file.fileno())
        if about.st_mode & 0o077 and about.st_uid == os.geteuid():
            os.fchmod(file.fileno(), 0o600)
    return path


def installation(data: Path) -> str:
    """Twelve characters that tell this portal from others on the same engine; made once, kept in the data folder."""
    path = data / "installation"
    if not path.exists():
        path.write_text(secrets.token_hex(6))
    return path.read_text().strip()
