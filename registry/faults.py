"""All faults of one request, told together: nobody should mend a form one field at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from portal.names import name_validators


class Faults:
    """Collects sentences by field; `check` raises what was found as one ValidationError."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, field: str, sentence: str) -> None:
        sentences = self.found.setdefault(field, [])
        if sentence not in sentences:
            sentences.append(sentence)

    @contextmanager
    def on(self, field: str) -> Iterator[None]:
        """A ValidationError inside becomes a fault of `field`."""
        try:
            yield
        except ValidationError as error:
            for sentence in error.messages:
                self.add(field, sentence)

    def name(self, name: str, field: str = "name") -> None:
        """The rule for every noun's name; one sentence, however many parts of it are broken."""
        for validator in name_validators:
            with self.on(field):
                validator(name)

    def check(self) -> None:
        if self.found:
            raise ValidationError(self.found)
