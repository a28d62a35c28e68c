"""What a manifest is made of, read from this machine: score.py, schema, packages, other files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .resources import Resource, named
from .uploads import Found, Given, beside, existing, fault


@dataclass
class Recipe:
    """`driver` is score.py, with init() and run(); None leaves it to the portal, which writes one from the model's files. `files` are files or folders it needs beside it.

    What lies in score.py's folder or below keeps its path from there; anything else comes under its own name.
    """

    driver: Given | None = None
    schema: Given | None = None
    pip_file: Given | None = None
    conda_file: Given | None = None
    files: Iterable[Given] = ()
    models: Iterable[str | Resource] = ()
    runtime: str = "python"
    python: str | None = None
    description: str = ""
    extra: list[Found] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for name in ("files", "models"):
            if isinstance(getattr(self, name), (str, os.PathLike, Resource)):
                setattr(self, name, [getattr(self, name)])
        driver = self._driver()
        self.extra = [found for given in self.files for found in beside(given, driver)]

    def _driver(self) -> Path:
        """Where score.py lies; without one, where it would."""
        return Path("score.py") if self.driver is None else existing(self.driver, "driver")

    def body(self) -> dict[str, Any]:
        """The JSON of the REST call; the extra files go by an upload set."""
        if self.pip_file and self.conda_file:
            raise fault("dependencies", "Give a pip file or a conda file, not both.")
        driver = self._driver()
        body: dict[str, Any] = {
            "driver": {"path": driver.name, "content": _text(driver, "driver")} if self.driver is not None else None,
            "models": [named(model) for model in self.models],
            "runtime": self.runtime,
            "description": self.description,
        }
        if self.schema:
            path, source = _one(self.schema, driver, "schema")
            body["schema"] = {"path": path, "content": _text(source, "schema")}
        if self.pip_file or self.conda_file:
            path, source = _one(self.pip_file or self.conda_file or "", driver, "dependencies")
            body["dependencies"] = {"path": path, "content": _text(source, "dependencies"), "kind": "pip" if self.pip_file else "conda"}
        if self.python:
            body["python"] = self.python
        return body


def _one(given: Given, driver: Path, field: str) -> Found:
    if existing(given, field).is_dir():
        raise fault(field, f"{given} is a folder; give a file.")
    return beside(given, driver, field)[0]


def _text(path: Path, field: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig" if field == "schema" else "utf-8")
    except UnicodeDecodeError as error:
        raise fault(field, f"{path} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise fault(field, f"{path} cannot be read: {error.strerror}.") from None
