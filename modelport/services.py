"""Services: stable addresses with two keys, running one image."""

from __future__ import annotations

import json
import time
from typing import Any

from .collected import Collected
from .errors import ClientError
from .operations import Operation
from .resources import Collection, Resource, camel, named
from .uploads import fault

#: what can be chosen at creation and changed later
SETTINGS = (
    "replicas",
    "cpu",
    "memory",
    "gpus",
    "workers",
    "description",
    "contact",
    "access",
    "open_page",
    "allowed_origins",
    "timeout",
    "collect_model_data",
    "collect_rules",
    "collect_days",
)
#: seconds a session key of ours is used; it is good for 15 minutes
SESSION = 13 * 60.0
#: seconds until the gateway must know a session key that was just made
SETTLING = 15.0


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """As on the wire; None is left out. A name that is not a setting is refused, since the portal would pass it over."""
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise TypeError(f"{unknown[0]} is not a setting of a service; they are {', '.join(SETTINGS)}")
    return {camel(name): value for name, value in given.items() if value is not None}


class Service(Resource):
    """One service. `service.state` is Running, Starting, Updating, Degraded, Stopped, Failed or Deleting."""

    collection = "services"
    _session: tuple[str, float] | None = None

    def score(self, data: Any, *, key: str | None = None) -> Any:
        """Calls it through the gateway. `data` is the request body: what json.dumps takes (data frames and arrays too), or JSON text.

        Without `key`, a session key of one's own is asked for and used for 13 minutes; a public service needs none.
        Raises ClientError with the gateway's or the service's refusal.
        """
        body = encoded(data)
        if key is not None or self.data["access"] == "public":
            return self._call(body, key)
        session, new = self._session_key()
        deadline = time.monotonic() + SETTLING
        while True:
            try:
                return self._call(body, session)
            except ClientError as error:
                # A refused call never reached the model, so it may be repeated.
                if error.status != 401 or time.monotonic() > deadline:
                    raise
            if new:
                time.sleep(0.2)  # the gateway is told of a new key a moment later
            else:
                self._session = None
                session, new = self._session_key()

    def _call(self, body: bytes, key: str | None) -> Any:
        # A little longer than the gateway's own limit, so that its answer is the one that is heard.
        return self.portal.transport.score(self.data["scoringUri"], body, key=key, timeout=self.data["timeout"] + 10)

    def _session_key(self) -> tuple[str, bool]:
        """(value, whether it was made just now)"""
        if self._session and time.monotonic() < self._session[1]:
            return self._session[0], False
        value = self.portal.transport.write("POST", f"{self.path}keys/session/")["value"]
        self._session = value, time.monotonic() + SESSION
        return value, True

    def keys(self) -> list[dict[str, Any]]:
        """Primary and secondary: [{slot, keyId, lastFour, createdAt, lastUsedAt}]. There is no way to see a value again."""
        return self.portal.transport.read(f"{self.path}keys/")

    def regenerate_key(self, slot: str, grace_hours: int = 0) -> str:
        """The new value of "primary" or "secondary"; the old one stops at once or after `grace_hours`, the other key goes on."""
        path = f"{self.path}keys/{slot.lower()}/regenerate/"
        return self.portal.transport.write("POST", path, {"graceHours": grace_hours})["value"]

    def update(self, image: str | Resource | None = None, *, note: str = "", overwrite: bool = False, **changes: Any) -> Operation | None:
        """Another image or other settings (SETTINGS); URL and keys stay. None when nothing has to be rolled out.

        Refused (412, PreconditionFailed) when somebody has changed it since it was read here: `reload()` and look, or `overwrite`.
        """
        body = settings(changes)
        if image is not None:
            body["image"] = named(image)
        if note:
            body["note"] = note
        answer = self._change(body, overwrite)
        if "operationType" in answer:
            return Operation(self.portal, answer)
        self.data = answer
        return None

    def scale(self, replicas: int) -> Operation | None:
        return self.update(replicas=replicas, overwrite=True)

    def stop(self) -> Operation:
        """URL and keys are kept; callers get 503."""
        return self._start("stop")

    def start(self) -> Operation:
        return self._start("start")

    def _start(self, verb: str) -> Operation:
        return Operation(self.portal, self.portal.transport.write("POST", f"{self.path}{verb}/"))

    def follow(self, alias: str) -> Operation | None:
        """When the alias (iris@champion) is moved, the service is updated to that version. None when it is there already."""
        return self._begun(self.portal.transport.write("PUT", f"{self.path}following/", {"alias": alias}))

    def followed(self) -> dict[str, Any]:
        """{alias, version, state, stateDetail, operation, paused}; ClientError (404) when it follows nothing."""
        return self.portal.transport.read(f"{self.path}following/")

    def pause_following(self) -> dict[str, Any]:
        return self.portal.transport.write("POST", f"{self.path}following/pause/")

    def catch_up(self) -> Operation | None:
        """Ends a pause, and updates the service to where its alias points; None when it is there."""
        return self._begun(self.portal.transport.write("POST", f"{self.path}following/catch-up/"))

    def stop_following(self) -> None:
        self.portal.transport.write("DELETE", f"{self.path}following/")

    def _begun(self, answer: dict[str, Any]) -> Operation | None:
        return Operation(self.portal, answer) if "operationType" in answer else None

    def delete(self) -> Operation:
        """Callers get 404 at once; the rest is the operation's."""
        return self.portal.services.delete(self.ref)

    @property
    def collected(self) -> Collected:
        """What score.py handed to its data collectors, by day."""
        return Collected(self)

    def replicas_seen(self) -> list[dict[str, Any]]:
        """The replicas of the revision that serves, as last observed."""
        return self.portal.transport.read(f"{self.path}replicas/")

    def revisions(self) -> list[dict[str, Any]]:
        """The history, newest first."""
        return [*self.portal.transport.rows(f"{self.path}revisions/")]

    def logs(self, lines: int = 200) -> dict[str, list[str]]:
        """{replica: its last lines, oldest first}, for the replicas of the revision that serves."""
        found = {}
        for replica in self.replicas_seen():
            answer = self.portal.transport.read(f"{self.path}replicas/{replica['name']}/log/", params={"lines": lines})
            found[replica["name"]] = answer["lines"]
        return found

    def log_lines(self, lines: int = 200, **narrowed: Any) -> list[dict[str, Any]]:
        """[{at, replica, level, message, requestId, text}], oldest first, of all replicas together, also of revisions that are gone.

        `narrowed`: level (and graver ones), q (text), request_id, replica, start and end (ISO 8601 or seconds since 1970).
        """
        spelled = {"start": "from", "end": "to", "request_id": "requestId"}
        asked = {spelled.get(name, name): value for name, value in narrowed.items()}
        return self.portal.transport.read(f"{self.path}logs/", params={"lines": lines, **asked})["lines"]

    def metrics(self, range: str = "1h", **narrowed: Any) -> dict[str, Any]:
        """Calls, latencies, errors and replicas, in columns beside `times` (seconds since 1970), and their `totals`.

        `range` is 15m, 6h, 30d or the like. `narrowed`: start and end (ISO 8601 or seconds since 1970) instead, step in seconds, revision, key.
        """
        return self.portal.transport.read(f"{self.path}metrics/", params=_window(range, narrowed))

    def metrics_csv(self, range: str = "1h", **narrowed: Any) -> str:
        """The same as a table, a row a step."""
        return self.portal.transport.read(f"{self.path}metrics.csv", params=_window(range, narrowed))

    def swagger(self) -> dict[str, Any]:
        """Its Swagger 2.0 document."""
        return self.portal.transport.read(f"{self.path}swagger.json")

    def openapi(self) -> dict[str, Any]:
        """Its OpenAPI 3.1 document."""
        return self.portal.transport.read(f"{self.path}openapi.json")

    def sample(self) -> Any:
        """A request body that fits, from its schema; None when it has no schema with a sample."""
        examples = self.openapi()["components"]["schemas"]["ServiceInput"].get("examples")
        return examples[0] if examples else None


class Services(Collection[Service]):
    """The group's services, by name; `list(name=, environment=, image=, manifest=, model=)`."""

    resource = Service

    def create(self, name: str, image: str | Resource, *, environment: str = "", **chosen: Any) -> Operation:
        """Starts the rollout. `chosen` are SETTINGS; the two keys are in `operation.keys`, this once."""
        body = {"name": name, "image": named(image), **settings(chosen)}
        if environment:
            body["environment"] = environment
        return Operation(self.portal, self.portal.transport.write("POST", self.portal.path(self.resource.collection), body))

    def delete(self, said: str) -> Operation:
        """Callers get 404 at once; the rest is the operation's."""
        return Operation(self.portal, self.portal.transport.write("DELETE", self.portal.path(self.resource.collection, said)))


def _window(range: str, narrowed: dict[str, Any]) -> dict[str, Any]:
    spelled = {"start": "from", "end": "to"}
    asked = {spelled.get(name, name): value for name, value in narrowed.items()}
    return asked if "from" in asked else {"range": range, **asked}


def encoded(data: Any) -> bytes:
    """The body of a call."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    try:
        return json.dumps(data, default=_plain, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise fault("data", f"This cannot be sent as JSON: {error}.") from None


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a data frame
        return value.to_dict(orient="records")
    if hasattr(value, "tolist"):  # an array, a series, a number of numpy's
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
