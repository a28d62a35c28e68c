"""What `modelport login` keeps: address, token, group. The file is for its owner's eyes only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import ClientError


def place() -> Path:
    """~/.config/modelport/config.json, or below XDG_CONFIG_HOME."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "modelport" / "config.json"


@dataclass
class Config:
    url: str = ""
    token: str = ""
    group: str = ""

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Config:
        """The file, and over it MODELPORT_URL, MODELPORT_TOKEN and MODELPORT_GROUP.

        A kept token and group belong to the address they were kept for: MODELPORT_URL with another address does without them.
        """
        environment = os.environ if environment is None else environment
        found = cls._read()
        url = environment.get("MODELPORT_URL", "").rstrip("/")
        if url and url != found.url:
            found = cls(url)
        found.token = environment.get("MODELPORT_TOKEN") or found.token
        found.group = environment.get("MODELPORT_GROUP") or found.group
        return found

    @classmethod
    def _read(cls) -> Config:
        try:
            kept = json.loads(place().read_text())
            return cls(**{name: str(kept.get(name) or "") for name in ("url", "token", "group")})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, AttributeError):
            raise ClientError("BadConfig", f"{place()} cannot be read. Log in again: modelport login") from None

    def needed(self) -> tuple[str, str]:
        """Address and token; raises ClientError NotLoggedIn."""
        if not self.url or not self.token:
            raise ClientError(
                "NotLoggedIn",
                "Log in first: modelport login --url https://... (or set MODELPORT_URL and MODELPORT_TOKEN). "
                "It asks for a personal token, which you make on your profile page.",
            )
        return self.url, self.token

    def save(self) -> Path:
        """Written beside and moved into its place, readable by its owner alone from the first byte."""
        file = place()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent)  # 0600
        try:
            with os.fdopen(handle, "w") as opened:
                json.dump(asdict(self), opened, indent=2)
            os.replace(partial, file)
        except BaseException:
            Path(partial).unlink()
            raise
        return file

    @staticmethod
    def forget() -> None:
        place().unlink(missing_ok=True)
