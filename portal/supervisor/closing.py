"""The last lines of a start: where everything is, and a call that works when it is pasted."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Quickstart:
    """The demo's service, kept in MODELPORT_DATA/quickstart.env so that later starts print the same call.

    `service` is "group/service"; `sample` is the request body.
    """

    FILE: ClassVar[str] = "quickstart.env"

    service: str
    key: str
    sample: str

    @property
    def score_url(self) -> str:
        return f"{settings.GATEWAY_URL}/{self.service}/score"

    @property
    def page_url(self) -> str:
        group, name = self.service.split("/")
        return f"{settings.PORTAL_URL}/g/{group}/services/{name}/"

    @property
    def swagger_url(self) -> str:
        return f"{self.page_url}docs"

    def curl(self) -> str:
        words = [
            "curl",
            "-sS",
            self.score_url,
            "-H",
            f"Authorization: Bearer {self.key}",
            "-H",
            "Content-Type: application/json",
            "-d",
            self.sample,
        ]
        return shlex.join(words)

    def save(self) -> None:
        rows = {"MODELPORT_DEMO_SERVICE": self.service, "MODELPORT_DEMO_KEY": self.key, "MODELPORT_DEMO_SAMPLE": self.sample}
        self._write("".join(f"{name}={shlex.quote(value)}\n" for name, value in rows.items()))

    @classmethod
    def forget(cls) -> None:
        """The demo was deleted by somebody; it does not come back by itself."""
        cls._write("# The Iris example was deleted. `make demo` makes it again.\n")

    @classmethod
    def _write(cls, text: str) -> None:
        """Readable by its owner alone: it holds a key."""
        path = settings.DATA_DIR / cls.FILE
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(path)

    @classmethod
    def load(cls) -> Quickstart | None:
        """What an earlier start kept; None when there is nothing, or nothing usable."""
        try:
            text = (settings.DATA_DIR / cls.FILE).read_text()
            rows = dict(word.partition("=")[::2] for word in shlex.split(text, comments=True))
            found = cls(rows["MODELPORT_DEMO_SERVICE"], rows["MODELPORT_DEMO_KEY"], rows["MODELPORT_DEMO_SAMPLE"])
            json.loads(found.sample)
        except (OSError, ValueError, KeyError):
            return None
        return found
