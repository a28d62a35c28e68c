"""Keys and tokens: `<prefix>_<12 characters id>_<43 characters secret>`, 256 bits, kept as SHA-256, shown once.

A fast hash is right at this entropy, and the gateway needs the SHA-256 of the whole key.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass

SERVICE, PERSON, SESSION, SETUP = "mp", "mpu", "mps", "mpi"
_SHAPE = re.compile(r"(mp|mpu|mps|mpi)_([a-zA-Z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class NewKey:
    """`value` is for the one answer that shows it; everything else is for the table."""

    value: str
    key_id: str
    hash: str
    last_four: str


def make(prefix: str) -> NewKey:
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    value = f"{prefix}_{key_id}_{secrets.token_urlsafe(32)}"
    return NewKey(value, key_id, digest(value), value[-4:])


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def key_id_of(value: str, prefix: str) -> str | None:
    """The id inside a well-formed key of this prefix, else None."""
    match = _SHAPE.fullmatch(value)
    return match[2] if match and match[1] == prefix else None
