"""Operations: work that goes on after the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import ClientError, OperationFailed
from .resources import Collection, Resource

if TYPE_CHECKING:
    from .images import Image
    from .services import Service

FINISHED = ("Succeeded", "Failed", "Cancelled")
#: seconds between two looks at an operation
INTERVAL = 0.5
#: told each time a step begins or ends: {order, name, title, state, attempt, note, seconds, ...}
OnStep = Callable[[dict[str, Any]], None]


class Operation(Resource):
    """Building an image, rolling out a service, deleting one. States: NotStarted, Running, Waiting, Succeeded, Failed, Cancelled."""

    collection = "operations"

    @property
    def ref(self) -> str:
        return self.data["id"]

    @property
    def keys(self) -> dict[str, str]:
        """{"primary": ..., "secondary": ...} when this operation is the answer to making a service. Shown this once."""
        return self.data.get("keys") or {}

    @property
    def is_finished(self) -> bool:
        return self.data["state"] in FINISHED

    def reload(self) -> Operation:
        """Asks again, and keeps what only the first answer had: the keys."""
        self.data = {**self.data, **self.portal.transport.read(self.path)}
        return self

    def wait(self, on_step: OnStep | None = None, *, timeout: float | None = None) -> Operation:
        """Until it ends, and after a build until the rollout that follows it ends. The last operation.

        Raises OperationFailed when one fails or is cancelled, ClientError StillRunning after `timeout` seconds
        (None waits without end; it goes on all the same), and WaitsForDecision when a person has to decide about changed answers.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        operation: Operation = self
        while True:
            operation._wait(on_step, deadline)
            if operation.data["state"] != "Succeeded":
                raise OperationFailed(operation.data)
            if not operation.data.get("next"):
                return operation
            operation = self.portal.operations.get(operation.data["next"])

    def _wait(self, on_step: OnStep | None, deadline: float | None) -> None:
        told: dict[int, tuple] = {}
        while True:
            for step in self.data["steps"]:
                state = (step["state"], step["attempt"])
                if on_step and told.get(step["order"]) != state:
                    on_step(step)
                told[step["order"]] = state
            if self.is_finished:
                return
            if self.data["state"] == "Waiting":
                said = (
                    f"{self.data['label']} answers otherwise than before, and waits for a person: approve or reject operation {self.ref}."
                )
                raise ClientError("WaitsForDecision", said)
            if deadline is not None and time.monotonic() >= deadline:
                raise ClientError(
                    "StillRunning", f"{self.data['label']} is still {self.data['state']}. It goes on; wait for operation {self.ref} again."
                )
            time.sleep(INTERVAL)
            self.reload()

    def result(self, on_step: OnStep | None = None, *, timeout: float | None = None) -> Service | Image | None:
        """Waits, and hands out what was made: the service, else the image; None when something was deleted."""
        last = self.wait(on_step, timeout=timeout)
        if last.data["operationType"] == "Delete":
            return None
        if last.data.get("service"):
            return self.portal.services.get(last.data["service"])
        return self.portal.images.get(last.data["image"]) if last.data.get("image") else None

    def log(self, step: int | str | None = None) -> str:
        """The text of one step, by order or name, or of all steps one after another."""
        self.reload()
        wanted = [row for row in self.data["steps"] if step is None or step in (row["order"], row["name"])]
        if step is not None and not wanted:
            names = ", ".join(row["name"] for row in self.data["steps"])
            raise ClientError("NotFound", f"This operation has no step {step}; it has {names or 'none yet'}.", status=404)
        return "".join(self.portal.transport.read(f"{self.path}steps/{row['order']}/log/") or "" for row in wanted)

    def cancel(self) -> Operation:
        """Stops it at once; refused (409) when it has ended already."""
        self.data = {**self.data, **self.portal.transport.write("POST", f"{self.path}cancel/")}
        return self

    def rerun(self) -> Operation:
        """A new operation that does the same as this one, which failed or was cancelled."""
        return Operation(self.portal, self.portal.transport.write("POST", f"{self.path}rerun/"))

    def answers(self) -> dict[str, Any]:
        """What its revision answered to the service's golden requests: {revision, state, results}."""
        return self.portal.transport.read(f"{self.path}answers/")

    def approve(self, *, save: bool = False) -> Operation:
        """The changed answers are right: it goes on. With `save` they become the expected ones."""
        self.data = {**self.data, **self.portal.transport.write("POST", f"{self.path}approve/", {"save": save})}
        return self

    def reject(self) -> Operation:
        """The changed answers are wrong: the new revision goes, what served goes on serving."""
        self.data = {**self.data, **self.portal.transport.write("POST", f"{self.path}reject/")}
        return self

    def apply_proposal(self) -> Operation:
        """Makes the change that this failed build proposes (`operation.proposal`), in a new manifest, and builds that."""
        return Operation(self.portal, self.portal.transport.write("POST", f"{self.path}apply-proposal/"))


class Operations(Collection[Operation]):
    """The group's operations; `list(kind=, state=)`."""

    resource = Operation
