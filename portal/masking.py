"""Takes secrets out of what an administrator hands on: settings, health rows, log lines.

Three nets, because each has holes of its own: values that are known to be secret here, what stands behind a word such as
`password`, and whatever looks like a key, a token or an address of a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from django.conf import settings

from portal import env

MASK = "***"
#: below this a known value stands for too many other words
SHORTEST = 4
_SECRET_NAME = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential|authorization|cookie|signature|sessionid|csrf)"
_NAMED = re.compile(
    rf"""(?ix)
    ([\w.-]*{_SECRET_NAME}[\w-]*) (["']?\s*[:=]\s*) (?:(?:bearer|basic|token)\s+)?
    ( "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s"',;&)\]}}]+ )"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
#: everything between the scheme and the last @, since a password may hold any sign
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s\"'<>?]*)\?[^\s\"'<>]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_KEY = re.compile(r"\b(mp[us]?_)[A-Za-z0-9]{6,}_[A-Za-z0-9_-]+")
#: a run as long as our secrets are; digests and uuids, which only look so, are told apart below
_LONG = re.compile(r"(?<![\w+-])(sha256:)?([A-Za-z0-9_+-]{32,}={0,2})")
_PLAIN_RUN = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[a-z_-]+|[A-Z_-]+")


def shown_settings() -> dict[str, str]:
    """What was set, with secrets masked: by the name, and within addresses by their place."""
    masker = Masker()
    return {name: MASK if re.search(rf"(?i){_SECRET_NAME}|KEY", name) else masker.text(value) for name, value in env.given().items()}


def known_secrets() -> set[str]:
    """Values of this installation that may stand nowhere."""
    found = {settings.SECRET_KEY, settings.METRICS_TOKEN, getattr(settings, "EMAIL_HOST_PASSWORD", "") or ""}
    found |= {str(database.get("PASSWORD") or "") for database in settings.DATABASES.values()}
    for value in env.given().values():
        for one in value.split(","):
            with_name = one.partition("://")[2].rpartition("@")[0]
            found |= {with_name.partition(":")[2], unquote(with_name.partition(":")[2])}
    for options in settings.STORAGES.values():
        found |= {str(value) for name, value in options.get("OPTIONS", {}).items() if re.search(rf"(?i){_SECRET_NAME}|key", name)}
    kept = settings.DATA_DIR / "quickstart.env"
    if kept.exists():
        found |= {line.partition("=")[2].strip().strip("'\"") for line in kept.read_text().splitlines() if "KEY" in line.partition("=")[0]}
    return {value for value in found if len(value) >= SHORTEST}


class Masker:
    """Masks texts and what is made of them. `secrets` are further values that are known to the caller."""

    def __init__(self, secrets: Iterable[str] = ()):
        # The longest first: one may be a part of another.
        words = sorted({*known_secrets(), *(value for value in secrets if len(value) >= SHORTEST)}, key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, value: str) -> str:
        if self.known is not None:
            value = self.known.sub(MASK, value)
        value = _USERINFO.sub(rf"\1{MASK}@", value)
        value = _QUERY.sub(rf"\1?{MASK}", value)
        value = _NAMED.sub(rf"\1\2{MASK}", value)
        value = _BEARER.sub(rf"\1 {MASK}", value)
        value = _KEY.sub(rf"\1{MASK}", value)
        value = _MAIL.sub(f"{MASK}@{MASK}", value)
        return _LONG.sub(_run, value)

    def tree(self, value: object) -> object:
        """The same for every text inside lists and objects; numbers stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {str(key): self.tree(each) for key, each in value.items()}
        return [self.tree(each) for each in value] if isinstance(value, list | tuple) else value


def _run(found: re.Match) -> str:
    prefix, run = found[1] or "", found[2]
    digest = prefix and re.fullmatch(r"[0-9a-f]{64}", run)
    return found[0] if digest or _PLAIN_RUN.fullmatch(run) else f"{prefix}{MASK}"
