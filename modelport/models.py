"""Models: names with numbered versions of a file or a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .resources import Collection, Resource
from .uploads import Given, OnFile, fault, files_of, inside, receive, receive_together, upload_set

#: a folder of more files than this comes as a zip, unless it has more bytes than that: they lie here twice for a moment
MANY, MOST_ZIPPED = 20, 2**30


class Model(Resource):
    """One version of a model: `model.ref` is iris:3."""

    collection = "models"

    def update(
        self, *, description: str | None = None, tags: Iterable[str] | None = None, card: str | None = None, overwrite: bool = False
    ) -> Model:
        """Words about it; its bytes never change. What is left out stays. `card` is Markdown; an empty one takes the card away.

        Refused (412, PreconditionFailed) when somebody has changed it since it was read here: `reload()` and look, or `overwrite`.
        """
        given = {"description": description, "tags": None if tags is None else [*tags], "card": card}
        self.data = self._change({key: value for key, value in given.items() if value is not None}, overwrite)
        return self

    def compare(self, before: str) -> dict[str, Any]:
        """What differs from the version `before`: facts, schema, files by digest, card."""
        return self.portal.transport.read(self.path + "compare", params={"with": before})

    def delete(self) -> None:
        self.portal.models.delete(self.ref)

    def download(self, folder: Given = ".") -> Path:
        """The file or folder, below `folder`, under its own name. Refused when something is there already."""
        if "files" not in self.data:
            self.reload()
        place = inside(Path(folder), self.root)
        if place.exists():
            raise fault("folder", f"{place} is there already.")
        if self.kind == "folder" and len(self.files) > MANY and self.size <= MOST_ZIPPED:
            places = {f"{self.root}/{file['path']}": (inside(place, file["path"]), file["sha256"]) for file in self.files}
            receive_together(self.portal, f"{self.path}download", places)
            return place
        for file in self.files:
            target = place if self.kind == "file" else inside(place, file["path"])
            receive(self.portal, f"{self.path}files/{quote(file['path'], safe='/')}", target, file["sha256"])
        return place


class Models(Collection[Model]):
    """The group's models; `list(name=, tag=, framework=, manifest=, q=)`."""

    resource, numbered = Model, True

    def register(
        self,
        path: Given,
        name: str,
        *,
        description: str = "",
        tags: Iterable[str] = (),
        framework: str = "",
        card: str = "",
        alias: str = "",
        resume: bool = False,
        on_file: OnFile | None = None,
    ) -> Model:
        """The next version of `name`, from a file or a folder; a folder keeps its relative paths.

        An upload that was stopped (a lost connection, Ctrl-C, here or in the browser) goes on with `resume`.
        """
        words: dict[str, Any] = {"name": name, "description": description, "tags": [*tags], "framework": framework}
        words |= {"card": card, "alias": alias}
        with upload_set(self.portal, files_of(path, "files"), on_file, resume=resume) as opened:
            address = self.portal.path(self.resource.collection)
            return Model(self.portal, self.portal.transport.write("POST", address, {**words, "uploadSet": opened}))

    def aliases(self, name: str) -> list[dict[str, Any]]:
        """[{ref, alias, version, movedAt, movedBy}] of a model."""
        return self.portal.transport.read(self.portal.path("models", "names", name, "aliases"))

    def set_alias(self, version: str, alias: str, *, expected: str | None = None) -> dict[str, Any]:
        """Points `alias` at a version (iris:3), from wherever it pointed before; iris@champion is then that version.

        With `expected` (iris:2, "" for nowhere) only while it points there; ClientError (412) when somebody has moved it since.
        """
        name = version.partition(":")[0] if ":" in version else self.get(version).name
        body = {"version": version} | ({} if expected is None else {"expected": expected})
        return self.portal.transport.write("PUT", self.portal.path("models", "names", name, "aliases") + quote(alias, safe=""), body)

    def remove_alias(self, name: str, alias: str) -> None:
        self.portal.transport.write("DELETE", self.portal.path("models", "names", name, "aliases") + quote(alias, safe=""))

    def names(self) -> list[dict[str, Any]]:
        """[{name, versions, latest, createdAt}]"""
        return [*self.portal.transport.rows(self.portal.path("models", "names"))]
