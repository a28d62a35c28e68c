"""Collected data of a service: what its score.py handed to its data collectors, by day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .uploads import Given, fault

if TYPE_CHECKING:
    from .services import Service

FORMATS = ("csv", "jsonl", "parquet")


class Collected:
    """`service.collected`. Days are ISO dates (UTC), both ends of a range belong to it; `model`, `model_version` and
    `identifier` choose among the collectors.
    """

    def __init__(self, service: Service):
        self._service = service
        self._path = f"{service.path}collected/"

    def days(self, first: str = "", last: str = "", **stream: str) -> list[dict[str, Any]]:
        """[{day, model, modelVersion, identifier, rows, bytes, dropped, path, updatedAt}], newest first."""
        return [*self._service.portal.transport.rows(self._path, _query(first, last, stream))]

    def preview(self, day: str, **stream: str) -> dict[str, Any]:
        """{collectors, rows}: the first 50 rows; each row has a list of cells, or None, for each collector."""
        return self._service.portal.transport.read(f"{self._path}{day}/", params=_query("", "", stream))

    def download(self, path: Given, *, first: str = "", last: str = "", format: str = "", **stream: str) -> Path:
        """One file with all rows of the range; the format is the file's ending where it is left out. Refused when it is there."""
        target = Path(path)
        format = format or target.suffix.lstrip(".").lower()
        if format not in FORMATS:
            raise fault("format", f"Say which format: {', '.join(FORMATS)}.")
        if target.exists():
            raise fault("path", f"{target} is there already.")
        query = urlencode({"as": format, **_query(first, last, stream)})
        partial = target.with_name(target.name + ".part")
        try:
            with self._service.portal.transport.stream(f"{self._path}download/?{query}") as chunks, partial.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def delete(self, first: str, last: str = "", **stream: str) -> int:
        """For good; how many rows that were. For Owners."""
        query = urlencode(_query(first, last or first, stream))
        return self._service.portal.transport.write("DELETE", f"{self._path}?{query}")["rows"]


def _query(first: str, last: str, stream: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(stream) - {"model", "model_version", "identifier"})
    if unknown:
        raise TypeError(f"{unknown[0]} does not choose a collector; model, model_version and identifier do")
    named = {"from": first, "to": last, "model": stream.get("model"), "modelVersion": stream.get("model_version")}
    named["identifier"] = stream.get("identifier")
    return {name: value for name, value in named.items() if value}
