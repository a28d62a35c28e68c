"""Rules on fields of collected data: drop, hash or mask them before a row leaves the process that collected it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any, Dict, List, Optional, Tuple

from . import outputs

VARIABLE = "MODELPORT_COLLECT_RULES"
DROP, HASH, MASK = "drop", "hash", "mask"
ACTIONS = (DROP, HASH, MASK)
#: what stands in the place of a masked value
MASKED = "***"
#: how deep in nested values a field is looked for; what lies deeper is masked
DEEPEST = 20


class Rules:
    """`fields`: name -> action. Names are compared without regard to case, in nested objects too. Missing values stay missing.

    A hash is HMAC-SHA-256 with the service's key, 32 hexadecimal digits: equal values of one service have equal hashes.
    """

    def __init__(self, fields: Optional[Dict[str, str]] = None, key: bytes = b""):
        unknown = sorted(set((fields or {}).values()) - set(ACTIONS))
        if unknown:
            raise ValueError(f"{unknown[0]} is not one of {', '.join(ACTIONS)}")
        self.fields = {_plain(name): action for name, action in (fields or {}).items()}
        self.key = key

    @classmethod
    def from_environment(cls) -> "Rules":
        """`{"key": text, "fields": {name: action}}`, taken out of os.environ. Raises ValueError."""
        written = os.environ.pop(VARIABLE, "")
        if not written:
            return cls()
        try:
            found = json.loads(written)
            return cls(dict(found["fields"]), str(found.get("key", "")).encode("utf-8"))
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{VARIABLE} cannot be read: {error!r}") from None

    def apply(self, columns: List[str], rows: List[List[Any]]) -> Tuple[List[str], List[List[Any]]]:
        """New lists; what was given stays as it is."""
        if not self.fields:
            return columns, rows
        actions = [self.fields.get(_plain(name)) for name in columns]
        kept = [index for index, action in enumerate(actions) if action != DROP]
        return [columns[index] for index in kept], [[self._cell(actions[index], row[index]) for index in kept] for row in rows]

    def _cell(self, action: Optional[str], value: Any, depth: int = 0) -> Any:
        if value is None or (isinstance(value, float) and value != value):
            return None
        if action == MASK or depth > DEEPEST:
            return MASKED
        if action == HASH:
            text = value if isinstance(value, str) else outputs.encode(value).decode("utf-8")
            return hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
        if isinstance(value, dict):
            found = {name: self.fields.get(_plain(str(name))) for name in value}
            return {name: self._cell(found[name], each, depth + 1) for name, each in value.items() if found[name] != DROP}
        if isinstance(value, (list, tuple)):
            return [self._cell(None, each, depth + 1) for each in value]
        return value


def _plain(name: str) -> str:
    return name.strip().casefold()
