"""One portal, one person, one resource group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .environments import Environments
from .errors import ClientError
from .golden import Golden
from .images import Images
from .manifests import Manifests
from .models import Models
from .operations import Operation, Operations
from .recipes import Recipe
from .resources import Resource, quoted
from .services import Services, settings
from .transport import Transport
from .uploads import Given, OnFile, files_of, upload_set

API = "/api/v1/"


class Portal:
    """Everything the person whose token it is may do in a group.

    `url` is the portal's address, `token` a personal token (mpu_...), `group` a resource group; it may be left out by
    somebody who is in one group only. May be used as a context manager, which closes its connections.
    """

    def __init__(
        self, url: str, token: str, group: str | None = None, *, timeout: float = 60.0, on_request: Callable[[str], None] | None = None
    ):
        self.transport = Transport(url, token, timeout=timeout, on_request=on_request)
        self._group = group
        self.models = Models(self)
        self.manifests = Manifests(self)
        self.images = Images(self)
        self.environments = Environments(self)
        self.services = Services(self)
        self.operations = Operations(self)

    @classmethod
    def saved(cls, group: str | None = None, **options: Any) -> Portal:
        """As MODELPORT_URL, MODELPORT_TOKEN and MODELPORT_GROUP say, and for what they do not say, as `modelport login` kept it."""
        from .config import Config

        config = Config.load()
        return cls(*config.needed(), group or config.group or None, **options)

    def close(self) -> None:
        self.transport.close()

    def __enter__(self) -> Portal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def notifications(self) -> list[dict[str, Any]]:
        """What happened to oneself and one's services in the last 30 days, newest first:
        [{kind, createdAt, group, message, detail, noun, subject, new}], at most 100."""
        return self.transport.read(f"{API}notifications/")["value"]

    def read_notifications(self, until: str | None = None) -> str:
        """What is as old as `until` (ISO 8601; now, if left out) or older is not new any more. The moment that is kept."""
        return self.transport.write("POST", f"{API}notifications/read/", {"until": until} if until else {})["until"]

    def mail_switches(self) -> dict[str, Any]:
        """{sendsMail, address, kinds, language}: which notifications come as mail."""
        return self.transport.read(f"{API}notifications/mail/")

    def choose_mails(self, *, kinds: Iterable[str] | None = None, language: str | None = None) -> dict[str, Any]:
        """Replaces the kinds that come as mail, and their language; what is left out stays."""
        given = {"kinds": None if kinds is None else [*kinds], "language": language}
        return self.transport.write("PUT", f"{API}notifications/mail/", {key: value for key, value in given.items() if value is not None})

    def groups(self) -> list[dict[str, Any]]:
        """The resource groups the person is in: [{id, name, description, createdAt}]."""
        return [*self.transport.rows(f"{API}groups/")]

    @property
    def group(self) -> str:
        """The name of the group that everything here is about."""
        if self._group is None:
            names = [group["name"] for group in self.groups()]
            if len(names) != 1:
                known = (
                    f"You are in {', '.join(names)}: say which group."
                    if names
                    else "You are in no resource group yet. An Owner can add you to one."
                )
                raise ClientError("BadRequest", known, [{"code": "Required", "message": known, "field": "group"}])
            self._group = names[0]
        return self._group

    def path(self, *parts: str) -> str:
        """The address of something in the group, from the root of the portal."""
        return f"{API}groups/{quoted(self.group)}/" + "".join(f"{quoted(part)}/" for part in parts)

    def golden(self, service: str | Resource) -> Golden:
        """The golden requests of a service."""
        return Golden(self, service)

    def deploy(
        self,
        name: str,
        driver: Given | None = None,
        *,
        model: Given | None = None,
        model_name: str = "",
        models: Iterable[str | Resource] = (),
        schema: Given | None = None,
        pip_file: Given | None = None,
        conda_file: Given | None = None,
        files: Iterable[Given] = (),
        runtime: str = "python",
        python: str | None = None,
        description: str = "",
        environment: str = "",
        image_only: bool = False,
        on_file: OnFile | None = None,
        **chosen: Any,
    ) -> Operation:
        """Files in, a service out: registers `model` (a file or folder) as `model_name` (else `name`), writes the manifest, builds,
        rolls out. All or nothing until the build begins. Without a driver, it and what else is left out is written from the
        model's files. `chosen` are the settings of a service (modelport.services.SETTINGS).

        The operation's data names what was made: models, manifest, image, service, and, this once, `operation.keys`.
        A service of that name that is there already is rolled over to the new image and keeps its settings and keys.
        """
        recipe = Recipe(driver, schema, pip_file, conda_file, files, models, runtime, python, description)
        body = {"name": name, "modelName": model_name, "imageOnly": image_only, **settings(chosen), **recipe.body()}
        if environment:
            body["environment"] = environment
        trained = [] if model is None else files_of(model, "model")
        with upload_set(self, trained, on_file) as weights, upload_set(self, recipe.extra, on_file) as extra:
            body.update({key: value for key, value in (("modelUploadSet", weights), ("uploadSet", extra)) if value})
            return Operation(self, self.transport.write("POST", self.path("deploy"), body))
