"""Golden requests of a service: examples with the answers they should get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .operations import Operation
from .resources import named

if TYPE_CHECKING:
    from .portal import Portal
    from .resources import Resource


class Golden:
    """`portal.golden("iris")`: what every new revision of the service is asked before it takes traffic."""

    def __init__(self, portal: Portal, service: str | Resource):
        self.portal, self.service = portal, named(service)

    def _path(self, *parts: str) -> str:
        return self.portal.path("services", self.service, *parts)

    def list(self) -> list[dict[str, Any]]:
        return self.portal.transport.read(self._path("golden"))

    def save(self, name: str, body: Any, expected: Any, *, tolerances: dict[str, Any] | None = None) -> dict[str, Any]:
        """Keeps a request and its answer; one of that name is replaced. `tolerances`: {"/*/price": 0.01, "/*/share": "5%", "/id": "ignore"}."""
        given = {"name": name, "body": body, "expected": expected, "tolerances": tolerances or {}}
        return self.portal.transport.write("POST", self._path("golden"), given)

    def delete(self, name: str) -> None:
        self.portal.transport.write("DELETE", self._path("golden", name))

    def runs(self) -> list[dict[str, Any]]:
        """What the newest revisions answered."""
        return self.portal.transport.read(self._path("golden-runs"))

    def ask(self) -> Operation:
        """Asks what serves now; `checks()` tells what it answered. It decides nothing."""
        return Operation(self.portal, self.portal.transport.write("POST", self._path("golden-checks")))

    def checks(self) -> list[dict[str, Any]]:
        """What it answered when it was asked, newest first: [{operation, revision, results, createdAt}]."""
        return self.portal.transport.read(self._path("golden-checks"))

    @property
    def policy(self) -> str:
        """ask, stop or warn: what happens when answers change."""
        return self.portal.transport.read(self._path("golden-policy"))["policy"]

    @policy.setter
    def policy(self, policy: str) -> None:
        self.portal.transport.write("PUT", self._path("golden-policy"), {"policy": policy})
