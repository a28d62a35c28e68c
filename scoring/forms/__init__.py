"""Bodies that are not JSON: which a service takes and gives, and what a caller has asked for.

A table (CSV, an Arrow stream, Parquet) fills the one input that is a frame, an array
(npy) the one that is an array. The packages are those of the user's environment; where
one is missing, that is said by name.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
from typing import Any, Dict, List, Optional, Tuple

from ..errors import BadInput, NotAcceptable, RequestError, UnsupportedType
from ..schema import NUMPY, PANDAS, SPARK, Schema, Type
from ..values import Enough, Faults, escape

JSON = "application/json"
#: what `curl -d` says of everything it sends: taken for JSON, as the original did, and refused as JSON where it is a form indeed
CURL = "application/x-www-form-urlencoded"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"

#: form -> (our module, package that it needs)
TABLES = {CSV: ("csv_table", ""), ARROW: ("arrow", "pyarrow"), PARQUET: ("parquet", "pyarrow")}
TAKEN = {**TABLES, NPY: ("npy", "numpy")}
#: what a result can be written as besides JSON, in the order of our preference
GIVEN = {CSV: "", ARROW: "pyarrow"}
LONGEST_ACCEPT = 2000


def there(package: str) -> bool:
    """Is it installed? (Nothing is imported.)"""
    return not package or importlib.util.find_spec(package) is not None


def add(package: str, form: str) -> str:
    return f"{form} needs the package {package}, which this service does not have: add {package} to the manifest's pip or conda file."


class Forms:
    """What the service with this schema takes and gives."""

    def __init__(self, schema: Optional[Schema]):
        self.schema = schema
        self._targets = {form: _target(schema, form) for form in TAKEN} if schema is not None else {}
        self._missing = {package for package in ("numpy", "pyarrow") if not there(package)}
        #: in the order in which they are told
        self.taken = [form for form, (_, package) in TAKEN.items() if self._targets.get(form) and package not in self._missing]
        self.given = [form for form, package in GIVEN.items() if package not in self._missing]

    def refusal(self, given: str) -> RequestError:
        """Why a body of this type is not taken."""
        if self._targets.get(given) and TAKEN[given][1] in self._missing:
            return UnsupportedType(add(TAKEN[given][1], given))
        listed = ", ".join([JSON, *self.taken])
        why = ""
        if given in TAKEN and self.schema is not None:
            noun = "an array" if given == NPY else "a table"
            why = f" It fits services that need one input, {noun}."
        return UnsupportedType(f"This service takes {listed}, not {given[:60]}.{why} Say which with the header Content-Type.")

    def read(self, form: str, body: Any) -> Dict[str, Any]:
        """The checked arguments, as `inputs.check` gives them. Raises BadInput."""
        name, kind = self._targets[form]  # type: ignore[misc]
        faults, value = Faults(), None
        module = importlib.import_module(f".{TAKEN[form][0]}", __name__)
        try:
            value = module.read(kind, body, "/" + escape(name), faults)
        except Enough:
            pass
        if faults:
            first, more = faults[0], len(faults) - 1
            raise BadInput(
                f"The input does not fit the schema at {first['pointer']}: {first['message']}" + (f" (and {more} more)" if more else ""),
                details=list(faults),
            )
        return {name: value}

    def wanted(self, accept: str) -> str:
        """The form of the answer that a header Accept asks for. Raises NotAcceptable."""
        found = _negotiate(accept[:LONGEST_ACCEPT], tuple(self.given))
        if found is None:
            for form, package in GIVEN.items():
                if package in self._missing and form in accept:
                    raise NotAcceptable(add(package, form))
            raise NotAcceptable(f"This service answers {', '.join([JSON, *self.given])}; the header Accept allows none of them.")
        return found


def _target(schema: Schema, form: str) -> Optional[Tuple[str, Type]]:
    """The one input that such a body fills, where the others may be left out."""
    wanted = [name for name in schema.inputs if name not in schema.optional]
    fits = [(name, kind) for name, kind in schema.inputs.items() if _takes(kind, form)]
    if len(fits) > 1:
        fits = [each for each in fits if each[0] in wanted]
    return fits[0] if len(fits) == 1 and wanted in ([], [fits[0][0]]) else None


def _takes(kind: Type, form: str) -> bool:
    return kind.kind == NUMPY if form == NPY else kind.kind in (PANDAS, SPARK)


def media_type(header: str) -> str:
    """`Text/CSV; charset=utf-8` -> `text/csv`."""
    return header.split(";", 1)[0].strip().lower()


def is_json(given: str) -> bool:
    return given in (JSON, CURL) or (given.startswith("application/") and given.endswith("+json"))


_RANGE = re.compile(r"^(\*|[\w!#$&^.+-]{1,100})/(\*|[\w!#$&^.+-]{1,100})$")


@functools.lru_cache(maxsize=256)
def _negotiate(accept: str, given: Tuple[str, ...]) -> Optional[str]:
    """By RFC 9110: the most specific range that names a form says its weight; the heaviest form wins, JSON among equals."""
    ranges: List[Tuple[str, str, float]] = []
    for part in accept.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        found = _RANGE.match(name)
        if found:
            ranges.append((found.group(1), found.group(2), _weight(parameters)))
    if not ranges:  # no header, or one that says nothing
        return JSON
    best, heaviest = None, 0.0
    for form in (JSON, *given):
        kind, _, subtype = form.partition("/")
        weight = 0.0
        for exact in ((kind, subtype), (kind, "*"), ("*", "*")):
            weights = [each for one, two, each in ranges if (one, two) == exact]
            if weights:
                weight = max(weights)
                break
        if weight > heaviest:
            best, heaviest = form, weight
    return best


def _weight(parameters: List[str]) -> float:
    for each in parameters:
        if each.startswith("q="):
            try:
                return min(max(float(each[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
