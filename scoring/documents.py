"""The two documents of a served bundle, made once."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any, Callable, Dict

from . import swagger


class Documents:
    """`app` is the `App` whose schema, names and settings they tell."""

    def __init__(self, app: Any):
        self._app = app
        self._made: Dict[str, bytes] = {}

    def _document(self, name: str, make: Callable[[], Dict[str, Any]]) -> bytes:
        if self._app.state != "ready":
            return json.dumps(make()).encode("ascii")  # decorators are known only after loading
        if name not in self._made:
            self._made[name] = json.dumps(make()).encode("ascii")
        return self._made[name]

    def swagger(self) -> bytes:
        """Swagger 2.0."""
        app, settings = self._app, self._app.settings
        url = urllib.parse.urlsplit(settings.server_url)
        return self._document(
            "2.0",
            lambda: swagger.swagger_2(
                app.schema,
                title=app.title,
                version=settings.version,
                prefix=url.path or settings.prefix,
                host=url.netloc,
                schemes=[url.scheme] if url.scheme else None,
                secured=bool(settings.secret),
            ),
        )

    def openapi(self) -> bytes:
        """OpenAPI 3.1."""
        app, settings = self._app, self._app.settings
        return self._document(
            "3.1",
            lambda: swagger.openapi_3(
                app.schema,
                title=app.title,
                version=settings.version,
                server_url=settings.server_url,
                secured=bool(settings.secret),
                raw=app.driver.raw,
            ),
        )
