"""The two front doors behind one set of verbs, so that one test says what both must do.

A verb answers an `Answer`; a form that is shown again (422) counts as 400, since it is
the same refusal in HTML's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient


@dataclass
class Answer:
    """`status` as REST would say it, `fields` the sentences at each field, `values` the keys that are shown this once."""

    status: int
    message: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

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

    def _answer(self, response) -> Answer:
        body = response.json() if response.content and response["Content-Type"].startswith("application/json") else {}
        if response.status_code < 400:
            value = {body["slot"]: body["value"]} if "slot" in body else {}
            return Answer(response.status_code, values=body.get("keys", value))
        found: dict[str, list[str]] = {}
        for detail in body["details"]:
            found.setdefault(detail["field"], []).append(detail["message"])
        return Answer(response.status_code, body["message"], found)

    def _url(self, group, *parts: str) -> str:
        return "/".join(["/api/v1/groups", str(group), *parts])

    def register_model(self, group, *, name: str, files: dict[str, bytes], description: str = "", tags=(), framework: str = "") -> Answer:
        form = {"name": name, "description": description, "framework": framework, "tags": list(tags)}
        form |= {"files": [upload(path, data) for path, data in files.items()], "paths": list(files)}
        return self._answer(self.client.post(self._url(group, "models", ""), form, format="multipart"))

    def change_model(self, group, said: str, **words) -> Answer:
        return self._answer(self.client.patch(self._url(group, "models", said, ""), words, format="json"))

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
        return self._answer(self.client.post(self._url(group, "manifests", ""), form, format="multipart"))

    def delete_manifest(self, group, said: str) -> Answer:
        return self._answer(self.client.delete(self._url(group, "manifests", said, "")))

    def delete_image(self, group, said: str) -> Answer:
        return self._answer(self.client.delete(self._url(group, "images", said, "")))

    def sees(self, group, noun: str, said: str = "") -> Answer:
        """The list of a noun, or one of it."""
        parts = [noun, said, ""] if said else [noun, ""]
        return self._answer(self.client.get(self._url(group, *parts)))

    def _send(self, method: str, group, *parts: str, **body) -> Answer:
        # REST's names are in camel case.
        body = {re.sub("_(.)", lambda found: found[1].upper(), name): value for name, value in body.items()}
        return self._answer(getattr(self.client, method)(self._url(group, *parts, ""), body or None, format="json"))

    def create_image(self, group, *, manifest: str, **words) -> Answer:
        return self._send("post", group, "images", manifest=manifest, **words)

    def create_service(self, group, *, name: str, image: str, **fields) -> Answer:
        return self._send("post", group, "services", name=name, image=image, **fields)

    def update_service(self, group, name: str, **changes) -> Answer:
        return self._send("patch", group, "services", name, **changes)

    def set_collection(self, group, name: str, *, collect_data: bool, collect_days: int, collect_rules: list) -> Answer:
        words = {"collect_model_data": collect_data, "collect_days": collect_days, "collect_rules": collect_rules}
        return self._send("patch", group, "services", name, **words)

    def stop_service(self, group, name: str) -> Answer:
        return self._send("post", group, "services", name, "stop")

    def start_service(self, group, name: str) -> Answer:
        return self._send("post", group, "services", name, "start")

    def delete_service(self, group, name: str) -> Answer:
        return self._send("delete", group, "services", name)

    def regenerate_key(self, group, name: str, slot: str) -> Answer:
        return self._send("post", group, "services", name, "keys", slot, "regenerate")

    def cancel_operation(self, group, operation) -> Answer:
        return self._send("post", group, "operations", str(operation.pk), "cancel")

    def apply_proposal(self, group, operation) -> Answer:
        return self._send("post", group, "operations", str(operation.pk), "apply-proposal")

    def create_environment(self, group, *, name: str, target: str, **words) -> Answer:
        return self._send("post", group, "environments", name=name, target=target, **words)

    def update_environment(self, group, name: str, **changes) -> Answer:
        return self._send("patch", group, "environments", name, **changes)

    def delete_environment(self, group, name: str) -> Answer:
        return self._send("delete", group, "environments", name)

    def add_member(self, group, *, person: str, role: str) -> Answer:
        return self._send("post", group, "members", person=person, role=role)

    def change_role(self, group, person: str, role: str) -> Answer:
        return self._send("patch", group, "members", person, role=role)

    def remove_member(self, group, person: str) -> Answer:
        return self._send("delete", group, "members", person)


class HtmlDoor:
    """The same verbs through the pages, as a browser with script does them: files one by one into an upload set, then the form."""

    name = "html"

    def __init__(self, user):
        self.client, self.user = Client(), user
        if user is not None:
            self.client.force_login(user)

    def _answer(self, response) -> Answer:
        context = response.context or {}
        if response.status_code in (301, 302):
            return Answer(401) if "/accounts/login" in response["Location"] else self._arrived(response["Location"])
        status = 400 if response.status_code == 422 else response.status_code
        form, said = context.get("form"), context.get("said")
        errors = {name: list(sentences) for name, sentences in form.errors.items()} if form is not None else {}
        message = " ".join(errors.pop("__all__", [])) or (said["message"] if said else "")
        return Answer(status, message, errors)

    def _arrived(self, address: str) -> Answer:
        """The page that a form leads to: it shows new keys, this once."""
        shown = self.client.get(address).content.decode() if "/services/" in address or "/operations/" in address else ""
        return Answer(302, values=dict(re.findall(r'id="key-(\w+)" readonly value="([^"]+)"', shown)))

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

    def _post(self, group, address: str, form: dict, files: dict[str, bytes] | None = None) -> Answer:
        if files:
            uploaded = self._upload(group, files)
            if isinstance(uploaded, Answer):
                return uploaded
            form["upload_set"] = uploaded
        return self._answer(self.client.post(f"/g/{group}/{address}", form))

    def _fill(self, group, address: str, **words) -> Answer:
        """Opens a form, writes over what stands in it, and sends all of it, as a browser does."""
        shown = self.client.get(f"/g/{group}/{address}")
        form = (shown.context or {}).get("form") if shown.status_code == 200 else None
        stands = {bound.html_name: _stands(bound) for bound in form or ()}
        written = {name: "\n".join(value) if isinstance(value, list) else value for name, value in {**stands, **words}.items()}
        # A ticked box is sent as `on`, an empty one not at all.
        sent = {name: "on" if value is True else value for name, value in written.items() if value is not None and value is not False}
        return self._post(group, address, sent)

    def register_model(self, group, *, name: str, files: dict[str, bytes], description: str = "", tags=(), framework: str = "") -> Answer:
        form = {"name": name, "description": description, "framework": framework, "tags": ", ".join(tags)}
        return self._post(group, "models/new", form, files)

    def change_model(self, group, said: str, **words) -> Answer:
        form = {"description": words.get("description", ""), "tags": ", ".join(words.get("tags", ()))}
        return self._post(group, f"models/{said}/edit", form)

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
        return self._post(group, "manifests/new", form, files)

    def delete_manifest(self, group, said: str) -> Answer:
        return self._post(group, f"manifests/{said}/delete", {})

    def delete_image(self, group, said: str) -> Answer:
        return self._post(group, f"images/{said}/delete", {})

    def sees(self, group, noun: str, said: str = "") -> Answer:
        slash = "/" if said and noun in ("services", "environments") else ""
        return self._answer(self.client.get(f"/g/{group}/{noun}/{said}{slash}"))

    def create_image(self, group, *, manifest: str, **words) -> Answer:
        return self._fill(group, "images/new", manifest=manifest, **words)

    def create_service(self, group, *, name: str, image: str, **fields) -> Answer:
        return self._fill(group, "services/new", name=name, image=image, **fields)

    def update_service(self, group, name: str, **changes) -> Answer:
        return self._fill(group, f"services/{name}/settings", **changes)

    def set_collection(self, group, name: str, *, collect_data: bool, collect_days: int, collect_rules: list) -> Answer:
        words = {"collect_data": collect_data, "collect_days": collect_days, "collect_rules": None}
        words |= {f"collect_rules-{part}": tuple(rule[part] for rule in collect_rules) for part in ("field", "action")}
        return self._fill(group, f"services/{name}/collected/settings", **words)

    def stop_service(self, group, name: str) -> Answer:
        return self._post(group, f"services/{name}/stop", {})

    def start_service(self, group, name: str) -> Answer:
        return self._post(group, f"services/{name}/start", {})

    def delete_service(self, group, name: str) -> Answer:
        return self._post(group, f"services/{name}/delete", {"confirm": name})

    def regenerate_key(self, group, name: str, slot: str) -> Answer:
        return self._post(group, f"services/{name}/keys/{slot}/regenerate", {})

    def cancel_operation(self, group, operation) -> Answer:
        return self._post(group, f"operations/{operation.pk}/cancel", {})

    def apply_proposal(self, group, operation) -> Answer:
        return self._post(group, f"operations/{operation.pk}/apply-proposal", {})

    def create_environment(self, group, *, name: str, target: str, **words) -> Answer:
        return self._fill(group, "environments/new", name=name, target=target, **words)

    def update_environment(self, group, name: str, **changes) -> Answer:
        return self._fill(group, f"environments/{name}/edit", **changes)

    def delete_environment(self, group, name: str) -> Answer:
        return self._post(group, f"environments/{name}/delete", {})

    def add_member(self, group, *, person: str, role: str) -> Answer:
        return self._post(group, "members/", {"person": person, "role": role})

    def change_role(self, group, person: str, role: str) -> Answer:
        return self._post(group, f"members/{person}/role", {"role": role})

    def remove_member(self, group, person: str) -> Answer:
        return self._post(group, f"members/{person}/remove", {})


def _stands(bound):
    """What a browser would send of a field that nobody touched; of a list to choose one from, its first line."""
    value = bound.field.prepare_value(bound.value())
    choices = getattr(bound.field, "choices", None)
    return next((key for key, _ in choices), None) if choices and value in (None, "") else value


DOORS: list[type] = [RestDoor, HtmlDoor]
