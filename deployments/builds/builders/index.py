"""Where packages come from: the administrator's setting, never a user's file."""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackageIndex:
    """The package index of all builds. `url` empty means PyPI; `certificates` is a PEM file with the CAs to trust."""

    url: str = ""
    extra_urls: tuple[str, ...] = ()
    certificates: str = ""
    timeout: int = 60

    @classmethod
    def from_options(
        cls, *, index_url: str = "", extra_index_urls: tuple[str, ...] | list[str] = (), ca_bundle: str = "", timeout: int = 60
    ):
        """The options of a builder, completed by what this machine's own pip is told (environment, then pip.conf)."""
        url = index_url or _pip("index-url")
        extra = tuple(extra_index_urls) or tuple(_pip("extra-index-url").split())
        certificates = ca_bundle or os.environ.get("SSL_CERT_FILE", "") or _pip("cert")
        # A folder of this machine is not there in a container, and files are not an index people agreed on.
        web = ("http://", "https://")
        return cls(url if url.startswith(web) else "", tuple(u for u in extra if u.startswith(web)), _existing(certificates), timeout)

    def job(self) -> dict[str, object]:
        """The part of a recipe's job that says where to look."""
        return {"index": self.url, "extra_indexes": list(self.extra_urls), "timeout": self.timeout}

    def identity(self) -> str:
        """What a cached lock depends on."""
        return " ".join((self.url or "pypi", *self.extra_urls))


def _existing(path: str) -> str:
    return path if path and Path(path).is_file() else ""


def _pip(option: str) -> str:
    if value := os.environ.get("PIP_" + option.upper().replace("-", "_"), ""):
        return value
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read(["/etc/pip.conf", Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"])
    except configparser.Error:
        return ""
    return config.get("global", option, fallback="")
