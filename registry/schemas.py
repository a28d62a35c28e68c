"""Schemas, for the pages: a schema file made from a sample request."""

from __future__ import annotations

import json

from registry.samples import schema_of


def schema_from_sample(sample: str) -> bytes:
    """A schema file for requests like `sample`, as JSON or CSV; raises ValidationError."""
    return json.dumps(schema_of(sample).to_json(), indent=2, ensure_ascii=False).encode()
