"""What all nouns share: a thing with its fields, and a list of such things."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from urllib.parse import quote

from .errors import ClientError

if TYPE_CHECKING:
    from .portal import Portal

R = TypeVar("R", bound="Resource")


def camel(name: str) -> str:
    """scoring_uri -> scoringUri, as on the wire."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def is_uuid(said: str) -> bool:
    try:
        uuid.UUID(said)
    except ValueError:
        return False
    return True


class Resource:
    """One thing of the portal. `data` is its JSON; its fields are attributes too, with underscores: `service.scoring_uri`."""

    collection: ClassVar[str] = ""
    #: of what people can change, as it was read; empty where it is not known
    etag: str = ""

    def __init__(self, portal: Portal, data: dict[str, Any], etag: str = ""):
        self.portal = portal
        self.data = data
        self.etag = etag

    @property
    def ref(self) -> str:
        """What people say for it: iris:3, or a name."""
        return self.data.get("ref") or self.data.get("name") or self.data["id"]

    @property
    def path(self) -> str:
        return self.portal.path(self.collection, self.ref)

    def reload(self: R) -> R:
        """Asks the portal again, for all its fields."""
        self.data, self.etag = self.portal.transport.read_tagged(self.path)
        return self

    def _change(self, body: dict[str, Any], overwrite: bool) -> dict[str, Any]:
        """The answer to a PATCH. ClientError (412, PreconditionFailed) when somebody else has changed the thing since it was read."""
        answer, self.etag = self.portal.transport.change(self.path, body, "" if overwrite else self.etag)
        return answer

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        try:
            return data[camel(name)]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}; it has {', '.join(map(snake, data))}") from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *map(snake, self.data)})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ref}>"

    def __str__(self) -> str:
        return self.ref


class Collection(Generic[R]):
    """The things of one kind in the portal's group."""

    resource: ClassVar[type]
    #: versions of a name, said as iris:3; a bare name is its newest version
    numbered = False

    def __init__(self, portal: Portal):
        self.portal = portal

    def iterate(self, *, limit: int | None = None, **filters: Any) -> Iterator[R]:
        """Newest first, page after page while they are wanted. `filters` are the query parameters of the REST list."""
        params = {key: value for key, value in filters.items() if value is not None}
        if limit is not None:
            params["count"] = max(1, min(limit, 500))
        rows = self.portal.transport.rows(self.portal.path(self.resource.collection), params)
        return (self.resource(self.portal, row) for row in islice(rows, limit))

    def list(self, *, limit: int | None = None, **filters: Any) -> list[R]:
        """All of them, or the first `limit`."""
        return [*self.iterate(limit=limit, **filters)]

    def get(self, said: str) -> R:
        """By iris:3, iris@alias, uuid or name. The name of something with versions is its newest one."""
        if self.numbered and ":" not in said and "@" not in said and not is_uuid(said):
            newest = self.list(limit=1, name=said)
            if not newest:
                noun = self.resource.__name__.lower()
                raise ClientError("NotFound", f"There is no {noun} {said}, or you may not see it.", status=404)
            said = newest[0].ref
        return self.resource(self.portal, *self.portal.transport.read_tagged(self.portal.path(self.resource.collection, said)))

    def delete(self, said: str) -> None:
        """Refused (409, InUse) while something uses it."""
        self.portal.transport.write("DELETE", self.portal.path(self.resource.collection, said))


def quoted(part: str) -> str:
    """A part of a path; `:` stays, so that iris:3 can be read in logs."""
    if part in ("", ".", "..") or "/" in part:
        raise ClientError("NotFound", f"{part!r} is not an id. Say a name, name:number or a uuid.", status=404)
    return quote(part, safe=":@")


def named(what: str | Resource) -> str:
    """The id of a thing, given as itself or as words."""
    return what.ref if isinstance(what, Resource) else what
