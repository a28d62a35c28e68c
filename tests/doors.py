"""The two front doors behind one set of verbs, so that one test says what both must do.

A verb answers an `Answer`; a form that is shown again (422) counts as 400, since it is
the same refusal in HTML's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from portal.names import find, parse_id
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


class HtmlDoor:
    """The same verbs through the pages, as a browser with script does them: files one by one into an upload set, then the form."""

    name = "html"

    def __init__(self, user):
        self.client, self.user = Client(), user
        if user is not None:
            self.client.force_login(user)

    def _answer(self, response, model=None, **lookup) -> Answer:
        if response.status_code in (301, 302):
            said = response["Location"].rstrip("/").rsplit("/", 1)[-1]
            row = find(model.objects, said, noun="thing", **lookup) if model is not None and parse_id(said) else None
            return Answer(302, row=row)
        status = 400 if response.status_code == 422 else response.status_code
        form = response.context.get("form") if response.context else None
        errors = {name: list(sentences) for name, sentences in form.errors.items()} if form is not None else {}
        message = " ".join(errors.get("__all__", []))
        return Answer(status, message, errors)

    def _upload(self, group, files: dict[str, bytes]) -> str | Answer:
        """The id of an upload set with these files, or what the page would show at its files when one is refused."""
        base = f"/api/v1/groups/{group}/uploads/"
        opened = self.client.post(base)
        if opened.status_code != 201:
            return Answer(opened.status_code, opened.json()["message"])
        for path, data in files.items():
            sent = self.client.put(
                f"{base}{opened.json()['id']}/files/{quote(path, safe='')}", data, content_type="application/octet-stream"
            )
            if sent.status_code != 200:
                return Answer(sent.status_code, fields={"files": [sent.json()["message"]]})
        return opened.json()["id"]

    def _post(self, group, address: str, form: dict, model=None, files: dict[str, bytes] | None = None, **lookup) -> Answer:
        if files:
            uploaded = self._upload(group, files)
            if isinstance(uploaded, Answer):
                return uploaded
            form["upload_set"] = uploaded
        return self._answer(self.client.post(f"/g/{group}/{address}", form), model, **lookup)

    def register_model(self, group, *, name: str, files: dict[str, bytes], description: str = "", tags=(), framework: str = "") -> Answer:
        form = {"name": name, "description": description, "framework": framework, "tags": ", ".join(tags)}
        return self._post(group, "models/new", form, ModelVersion, files, name_path="model__name")

    def change_model(self, group, said: str, **words) -> Answer:
        form = {"description": words.get("description", ""), "tags": ", ".join(words.get("tags", ()))}
        return self._post(group, f"models/{said}/edit", form, ModelVersion, name_path="model__name")

    def delete_model(self, group, said: str) -> Answer:
        return self._post(group, f"models/{said}/delete", {})

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
        form = {"name": name, "models": list(models), "runtime": runtime, "python": python, "description": description}
        texts = (("driver", driver), ("schema", schema), ("dependencies", dependencies))
        form |= {f"{part}_file": upload(*given) for part, given in texts if given is not None}
        return self._post(group, "manifests/new", form, Manifest, files)

    def delete_manifest(self, group, said: str) -> Answer:
        return self._post(group, f"manifests/{said}/delete", {})

    def delete_image(self, group, said: str) -> Answer:
        return self._post(group, f"images/{said}/delete", {})

    def sees(self, group, noun: str, said: str = "") -> Answer:
        return self._answer(self.client.get(f"/g/{group}/{noun}/{said}"))


DOORS: list[type] = [RestDoor, HtmlDoor]
