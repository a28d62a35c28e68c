"""Documents told where they are served: title, version, address, keys. A user's own document keeps what it says itself. Stdlib only."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from .errors import DriverFailed

LARGEST, DEEPEST, MOST_REFERENCES = 1024 * 1024, 100, 10_000
#: files of the user's, the first that is there wins; a name may hold either kind of document
OWN = {"2": ("swagger2.json", "swagger.json"), "3": ("openapi.json", "swagger3.json", "swagger.json")}

BEARER_2 = {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer followed by a space and the key."}
BEARER_3 = {"type": "http", "scheme": "bearer", "description": "The service's primary or secondary key."}


def three(
    document: Dict[str, Any],
    *,
    title: str,
    version: str,
    server_url: str = "",
    description: str = "",
    secured: bool = True,
    own: bool = False,
) -> Dict[str, Any]:
    """OpenAPI 3, with what is missing filled in."""
    placed = {"openapi": document["openapi"], "info": _info(document, title, version, description, own), **_without(document, "info")}
    if not own or not placed.get("servers") or placed["servers"] == [{"url": "/"}]:
        placed["servers"] = [{"url": server_url or "/"}]
    components = placed.get("components") or {}
    if secured and "security" not in placed and "securitySchemes" not in components:
        placed["components"] = {**components, "securitySchemes": {"Key": BEARER_3}}
        placed["security"] = [{"Key": []}]
    return placed


def two(
    document: Dict[str, Any], *, title: str, version: str, url: str = "", prefix: str = "", secured: bool = True, own: bool = False
) -> Dict[str, Any]:
    """Swagger 2.0, with what is missing filled in. `prefix` (or the path of `url`) stands before each path, as SERVICE_PATH_PREFIX did."""
    parts = urllib.parse.urlsplit(url)
    prefix = (parts.path or prefix).strip("/")
    placed = {"swagger": "2.0", "info": _info(document, title, version, "", own), **_without(document, "info")}
    if prefix and not own:
        placed["paths"] = {f"/{prefix}{path}": item for path, item in document["paths"].items()}
    elif prefix:
        placed.setdefault("basePath", f"/{prefix}")
    if parts.netloc:
        placed.setdefault("host", parts.netloc)
    if parts.scheme and not own:
        placed["schemes"] = [parts.scheme]
    placed.setdefault("schemes", [parts.scheme] if parts.scheme else ["http", "https"])
    if secured and "security" not in placed and "securityDefinitions" not in placed:
        placed["securityDefinitions"] = {"Bearer": BEARER_2}
        placed["security"] = [{"Bearer": []}]
    return placed


def _info(document: Dict[str, Any], title: str, version: str, description: str, own: bool) -> Dict[str, Any]:
    ours = {"title": title or "Service", "version": version or "1.0", **({"description": description} if description else {})}
    return {**ours, **document.get("info", {})} if own else ours


def _without(document: Dict[str, Any], name: str) -> Dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def own(folder: Path) -> Dict[str, Dict[str, Any]]:
    """{"2": document, "3": document} as far as the user's folder has them. Raises DriverFailed."""
    found: Dict[str, Dict[str, Any]] = {}
    for kind, names in OWN.items():
        for name in names:
            document = _read(folder / name) if kind not in found else None
            if document is not None and kind_of(document) == kind:
                found[kind] = document
    return found


def kind_of(document: Dict[str, Any]) -> str:
    return "2" if "swagger" in document else "3"


def _read(path: Path) -> Optional[Dict[str, Any]]:
    if not path.is_file():
        return None
    if path.stat().st_size > LARGEST:
        raise DriverFailed(f"{path.name} is larger than {LARGEST // 2**20} MiB.")
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise DriverFailed(f"{path.name} is not UTF-8 text (byte {error.start}).") from None
    except json.JSONDecodeError as error:
        raise DriverFailed(f"{path.name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise DriverFailed(f"{path.name} is not JSON that can be read: {error}.") from None
    wrong = problem(document)
    if wrong:
        raise DriverFailed(f"{path.name} cannot be served: {wrong}")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def problem(document: Any) -> str:
    """Why this is no document of an API; "" when it is one, as far as can be seen without the specification's own schema."""
    if not isinstance(document, dict) or not ({"swagger", "openapi"} & document.keys()):
        return 'it is an object with "swagger": "2.0" or "openapi": "3.1.0".'
    said = document.get("swagger", document.get("openapi"))
    if said != "2.0" if "swagger" in document else not (isinstance(said, str) and said.startswith("3.")):
        return f"it says version {json.dumps(said)[:40]}; Swagger 2.0 and OpenAPI 3 are known."
    if not isinstance(document.get("info", {}), dict):
        return "`info` is not an object."
    paths = document.get("paths")
    if not isinstance(paths, dict) or not paths:
        return "it has no `paths`."
    for path, item in paths.items():
        if not path.startswith(("/", "x-")) or not isinstance(item, dict):
            return f"the path {json.dumps(path)[:100]} does not begin with / or is not an object."
    return _references(document)


def _references(document: Dict[str, Any]) -> str:
    """Every $ref must lead to a place in the same document."""
    for count, reference in enumerate(_found(document)):
        if count > MOST_REFERENCES:
            return "it has too many references."
        if not reference.startswith("#/"):
            return f"the reference {json.dumps(reference)[:100]} leads out of the file."
        place: Any = document
        for step in reference[2:].split("/"):
            step = urllib.parse.unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(place):
                place = place[int(step)]
            elif isinstance(place, dict) and step in place:
                place = place[step]
            else:
                return f"the reference {json.dumps(reference)[:100]} leads nowhere."
    return ""


def _found(value: Any) -> Iterator[str]:
    """Examples are data: a `$ref` in them is none."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if isinstance(each.get("$ref"), str):
                yield each["$ref"]
            stack += [inner for name, inner in each.items() if name not in ("example", "examples", "default", "enum", "const")]
        elif isinstance(each, list):
            stack += each
