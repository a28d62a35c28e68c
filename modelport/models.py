"""Models: names with numbered versions of a file or a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .resources import Collection, Resource
from .uploads import Given, OnFile, fault, files_of, inside, receive, upload_set


class Model(Resource):
    """One version of a model: `model.ref` is iris:3."""

    collection = "models"

    def update(self, *, description: str | None = None, tags: Iterable[str] | None = None) -> Model:
        """Words about it; its bytes never change. What is left out stays."""
        given = {"description": description, "tags": None if tags is None else [*tags]}
        self.data = self.portal.transport.write("PATCH", self.path, {key: value for key, value in given.items() if value is not None})
        return self

    def delete(self) -> None:
        self.portal.models.delete(self.ref)

    def download(self, folder: Given = ".") -> Path:
        """The file or folder, below `folder`, under its own name. Refused when something is there already."""
        if "files" not in self.data:
            self.reload()
        place = inside(Path(folder), self.root)
        if place.exists():
            raise fault("folder", f"{place} is there already.")
        for file in self.files:
            target = place if self.kind == "file" else inside(place, file["path"])
            receive(self.portal, f"{self.path}files/{quote(file['path'], safe='/')}", target, file["sha256"])
        return place


class Models(Collection[Model]):
    """The group's models; `list(name=, tag=, framework=, manifest=, q=)`."""

    resource, numbered = Model, True

    def register(
        self, path: Given, name: str, *, description: str = "", tags: Iterable[str] = (), framework: str = "", on_file: OnFile | None = None
    ) -> Model:
        """The next version of `name`, from a file or a folder; a folder keeps its relative paths."""
        words: dict[str, Any] = {"name": name, "description": description, "tags": [*tags], "framework": framework}
        with upload_set(self.portal, files_of(path, "files"), on_file) as opened:
            address = self.portal.path(self.resource.collection)
            return Model(self.portal, self.portal.transport.write("POST", address, {**words, "uploadSet": opened}))

    def names(self) -> list[dict[str, Any]]:
        """[{name, versions, latest, createdAt}]"""
        return [*self.portal.transport.rows(self.portal.path("models", "names"))]
