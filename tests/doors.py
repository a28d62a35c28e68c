"""The two front doors behind one set of verbs, so that one test says what both must do.

A verb answers an `Answer`; a form that is shown again (422) counts as 400, since it is
the same refusal in HTML's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from registry.models import Image, Manifest, ModelVersion


@dataclass
class Answer:
    """`status` as REST would say it, `fields` the sentences at each field, `row` what was made."""

    status: int
    message: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    row: object | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 400


def upload(path: str, data: bytes) -> SimpleUploadedFile:
    """A form's file. Forms send base names only; the relative path goes beside it."""
    return SimpleUploadedFile(path.rsplit("/", 1)[-1], data)


class RestDoor:
    """The verbs through /api/v1, signed in by session as a browser would be, with the check against forged requests off."""

    name = "rest"

    def __init__(self, user):
        self.client = APIClient()
        if user is not None:
            self.client.force_login(user)

    def _answer(self, response, model=None) -> Answer:
        body = response.json() if response.content and response["Content-Type"].startswith("application/json") else {}
        if response.status_code < 400:
            row = model.objects.get(pk=body["id"]) if model is not None and "id" in body else None
            return Answer(response.status_code, row=row)
        found: dict[str, list[str]] = {}
        for detail in body["details"]:
            found.setdefault(detail["field"], []).append(detail["message"])
        return Answer(response.status_code, body["message"], found)

    def _url(self, group, *parts: str) -> str:
        return "/".join(["/api/v1/groups", str(group), *parts])

    def register_model(self, group, *, name: str, files: dict[str, bytes], description: str = "", tags=(), framework: str = "") -> Answer:
        form = {"name": name, "description": description, "framework": framework, "tags": list(tags)}
        form |= {"files": [upload(path, data) for path, data in files.items()], "paths": list(files)}
        return self._answer(self.client.post(self._url(group, "models", ""), form, format="multipart"), ModelVersion)

    def change_model(self, group, said: str, **words) -> Answer:
        return self._answer(self.client.patch(self._url(group, "models", said, ""), words, format="json"), ModelVersion)

    def delete_model(self, group, said: str) -> Answer:
        return self._answer(self.client.delete(self._url(group, "models", said, "")))

    def create_manifest(
        self,
        group,
        *,
        name: str,
        models=(),
        driver=None,
        schema=None,
        dependencies=None,
        files=None,
        runtime="python",
        python="",
        description="",
    ) -> Answer:
        """`driver`, `schema` and `dependencies` are (path, bytes)."""
        form = {"name": name, "models": list(models), "runtime": runtime, "python": python, "description": description}
        form |= {
            part: upload(*given)
            for part, given in (("driver", driver), ("schema", schema), ("dependencies", dependencies))
            if given is not None
        }
        if files:
            form |= {"files": [upload(path, data) for path, data in files.items()], "paths": list(files)}
        return self._answer(self.client.post(self._url(group, "manifests", ""), form, format="multipart"), Manifest)

    def delete_manifest(self, group, said: str) -> Answer:
        return self._answer(self.client.delete(self._url(group, "manifests", said, "")))

    def delete_image(self, group, said: str) -> Answer:
        return self._answer(self.client.delete(self._url(group, "images", said, "")), Image)

    def sees(self, group, noun: str, said: str = "") -> Answer:
        """The list of a noun, or one of it."""
        parts = [noun, said, ""] if said else [noun, ""]
        return self._answer(self.client.get(self._url(group, *parts)))


DOORS: list[type] = [RestDoor]
