"""A recipe that is being written, looked at as a whole: the same rules as when it is made, with lines, and advice besides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.core.exceptions import ValidationError

from registry.checking.imports import is_known, missing, package_of
from registry.paths import collisions
from registry.requirements_files import Requirements, RequirementsError, parse_conda, parse_pip
from registry.samples import schema_of
from scoring import driver as drivers
from scoring import schema as schemas
from scoring.errors import SchemaError
from scoring.schema import Schema

MOST_DRIVER = 2**18


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is a part of the recipe, `line` counts from 1 (None: the whole part). A `warning` does not keep a manifest from being made."""

    field: str
    message: str
    line: int | None = None
    level: str = "error"

    as_dict = asdict


def check_recipe(
    *,
    driver: str,
    schema: str = "",
    sample: str = "",
    dependencies: str = "",
    conda: bool | None = None,
    runtime: str = "python",
    driver_path: str = "score.py",
    paths: Sequence[tuple[str, str]] = (),
) -> list[Problem]:
    """All that can be seen now, by section. `paths` are (path, who brings it) of models and extra files."""
    problems: list[Problem] = []
    parsed = _schema(schema, sample, problems)
    wanted = _dependencies(dependencies, conda, problems)
    source = driver.encode(errors="replace")
    if not driver.strip():
        problems.append(Problem("driver", "Write a scoring file with init() and run(), or let it be written from the model."))
    elif len(source) > MOST_DRIVER:
        problems.append(Problem("driver", f"The scoring file has {len(source):,} bytes; the most is {MOST_DRIVER:,}."))
    else:
        _driver(source, driver_path, parsed, bool(schema.strip() or sample.strip()), problems)
        beside = [path for path, _ in paths]
        for module, line in missing(source, requirements=wanted.lines if wanted else [], paths=beside, runtime=runtime):
            problems.append(_import(module, line, driver_path))
    texts = [(driver_path, "Scoring file")]
    for sentence in collisions([*texts, *paths]):
        problems.append(Problem("files", sentence))
    return problems


def _schema(schema: str, sample: str, problems: list[Problem]) -> Schema | None:
    if sample.strip():
        if schema.strip():
            problems.append(Problem("sample", "Give a schema or a sample request, not both."))
        try:
            return schema_of(sample)
        except ValidationError as error:
            problems.append(Problem("sample", " ".join(error.messages), _line_in(" ".join(error.messages))))
            return None
    if not schema.strip():
        return None
    try:
        return schemas.read(schema.encode(errors="replace"))
    except SchemaError as error:
        said = error.message + (f" (at {error.pointer})" if error.pointer else "")
        problems.append(Problem("schema", said, _line_in(error.message)))
        return None


def _dependencies(text: str, conda: bool | None, problems: list[Problem]) -> Requirements | None:
    """The file as a whole; of a pip file, every line that is wrong and not only the first."""
    if not text.strip():
        return Requirements(lines=[])
    if conda is None:
        conda = any(line.startswith(("dependencies:", "channels:")) for line in text.splitlines())
    try:
        return (parse_conda if conda else parse_pip)(text.encode(errors="replace"))
    except RequirementsError as error:
        if conda or error.line is None:
            problems.append(Problem("dependencies", error.message, error.line))
            return None
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            lines += parse_pip(line.encode(errors="replace")).lines
        except RequirementsError as error:
            problems.append(Problem("dependencies", error.message, number))
    return Requirements(lines=lines)


def _driver(source: bytes, path: str, schema: Schema | None, has_schema: bool, problems: list[Problem]) -> None:
    info = drivers.inspect_source(source, filename=path)
    for error in info.errors:
        problems.append(Problem("driver", error.message, error.line))
    if not info.errors and (schema is not None) == has_schema:
        for sentence in drivers.check_arguments(info, schema):
            problems.append(Problem("driver", sentence, _line_in(sentence)))


def _import(module: str, line: int, path: str) -> Problem:
    package = package_of(module)
    said = f"{path} line {line}: imports `{module}`, which no dependency brings."
    cure = f" Add `{package}`." if is_known(module) else " If it is a file of yours, add it to the extra files; else name its package."
    return Problem("driver", said + cure, line, "warning")


def _line_in(sentence: str) -> int | None:
    found = re.search(r"\bline (\d+)", sentence)
    return int(found[1]) if found else None
