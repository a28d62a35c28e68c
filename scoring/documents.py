"""The documents of a served bundle: the user's own where there are some, else made of the schema; once."""

from __future__ import annotations

import json
from typing import Any, Dict

from . import placing, swagger
from .errors import NotFound

#: what a probe tells the portal; larger documents are made by the replica alone
LARGEST_TOLD = 256 * 1024
_VERSIONS = {"": "", "2": "2", "2.0": "2", "3": "3", "3.0": "3", "3.1": "3"}


class Documents:
    """`app` is the `App` whose schema, names and settings they tell."""

    def __init__(self, app: Any):
        self._app = app
        self._made: Dict[str, bytes] = {}
        self.own: Dict[str, Dict[str, Any]] = {}

    def load(self) -> None:
        """Read the user's own. Raises DriverFailed."""
        self.own = placing.own(self._app.bundle.app)

    def told(self) -> Dict[str, Any]:
        """{"2": ..., "3": ..., "own": [which are the user's]} for whoever places them elsewhere; {} when they are too large."""
        documents = {"2": self._two(secured=True), "3": self._three(secured=True)}
        return {**documents, "own": sorted(self.own)} if len(json.dumps(documents)) <= LARGEST_TOLD else {}

    def swagger(self, version: str = "") -> bytes:
        """`/swagger.json`: 2.0 unless another version is asked for, or the user's own swagger.json is of another."""
        if version not in _VERSIONS:
            raise NotFound(f"There is no such version; there are {', '.join(each for each in _VERSIONS if each)}.")
        kind = _VERSIONS[version] or ("3" if self.own_is_three else "2")
        return self._once(kind)

    @property
    def own_is_three(self) -> bool:
        """The user's swagger.json is OpenAPI 3, and there is no Swagger 2.0 of theirs."""
        return set(self.own) == {"3"} and (self._app.bundle.app / "swagger.json").is_file()

    def openapi(self) -> bytes:
        """`/openapi.json`: 3.1, or the user's own 3.x."""
        return self._once("3")

    def _once(self, kind: str) -> bytes:
        if kind in self._made:
            return self._made[kind]
        settings = self._app.settings
        secured = bool(settings.secret)
        if kind == "2":
            document = self._two(secured=secured, url=settings.server_url, prefix=settings.prefix)
        else:
            document = self._three(secured=secured, server_url=settings.server_url)
        made = json.dumps(document).encode("ascii")
        if self._app.state == "ready":  # decorators are known only after loading
            self._made[kind] = made
        return made

    def _two(self, **where: Any) -> Dict[str, Any]:
        app = self._app
        words = {"title": app.title, "version": app.settings.version, **where}
        if "2" in self.own:
            return placing.two(self.own["2"], own=True, **words)
        return swagger.swagger_2(app.schema, **self._forms(), **words)

    def _three(self, **where: Any) -> Dict[str, Any]:
        app = self._app
        words = {"title": app.title, "version": app.settings.version, **where}
        if "3" in self.own:
            return placing.three(self.own["3"], own=True, **words)
        return swagger.openapi_3(app.schema, raw=app.driver.raw, **self._forms(), **words)

    def _forms(self) -> Dict[str, Any]:
        if self._app.driver.raw:
            return {}
        forms = self._app.calls.forms
        return {"takes": forms.taken, "gives": forms.given}
