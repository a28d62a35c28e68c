"""Schemas, for the pages: a schema file made from a sample request."""

from __future__ import annotations

import json

from django.core.exceptions import ValidationError

from scoring import schema as schemas
from scoring.errors import SchemaError


def schema_from_sample(sample: object) -> bytes:
    """A schema file for requests like `sample`, for example {"input_df": [{"age": 41}]}; raises ValidationError."""
    try:
        return json.dumps(schemas.infer(sample).to_json(), indent=2).encode()
    except SchemaError as error:
        raise ValidationError(error.message + (f" (at {error.pointer})" if error.pointer else "")) from None
