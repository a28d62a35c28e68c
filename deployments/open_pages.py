"""What anyone with the address may read of a service whose group has opened its page: how it is called, and nothing else."""

from __future__ import annotations

from typing import Any

from deployments.models import Service

#: lines of the table; the document itself has them all
MOST_FIELDS = 300


def open_service(group: str, name: str) -> Service | None:
    """The service, if its page is open. One that is closed and one that does not exist cost, and say, the same."""
    opened = Service.objects.filter(group__name=group, name=name, open_page=True, deleting=False)
    return opened.select_related("group").first()


def fields(document: dict[str, Any], side: str) -> list[dict[str, str]]:
    """[{name, type, about}] of `ServiceInput` or `ServiceOutput`, nested ones as `rows[].age`; empty where nothing is known."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    found: list[dict[str, str]] = []
    _walk(schemas.get(side), "", found, depth=0)
    return found


def _walk(shape: Any, name: str, found: list[dict[str, str]], *, depth: int) -> None:
    """A document that came with an image is other people's JSON: any part may be of any kind, and as deep as it likes."""
    if not isinstance(shape, dict) or depth > 8 or len(found) >= MOST_FIELDS:
        return
    properties, items = shape.get("properties"), shape.get("items")
    if isinstance(properties, dict) and properties:
        for each, inner in properties.items():
            _walk(inner, f"{name}.{each}" if name else str(each), found, depth=depth + 1)
    elif isinstance(items, dict) and items:
        _walk(items, f"{name}[]", found, depth=depth + 1)
    elif shape.get("type"):
        kind, choices = shape["type"], shape.get("enum")
        found.append(
            {
                "name": name,
                "type": " | ".join(map(str, kind)) if isinstance(kind, list) else str(kind),
                "about": ", ".join(map(str, choices)) if isinstance(choices, list) else str(shape.get("format") or ""),
            }
        )
