"""What is proposed, and the words that all generated scoring files share."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from scoring.schema import Numpy, Pandas, Schema

TABLE = "input_df"
ARRAY = "data"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Texts as a manifest takes them. `python` is what the model was saved with, when it says so; `notes` are for the person."""

    framework: str
    driver: str
    requirements: list[str]
    schema: Schema | None = None
    python: str | None = None
    runtime: str = "python"
    notes: list[str] = field(default_factory=list)

    @property
    def dependencies(self) -> str:
        return "".join(f"{line}\n" for line in self.requirements)

    @property
    def schema_file(self) -> str:
        """service_schema.json, or "" without a schema."""
        return json.dumps(self.schema.to_json(), indent=2, ensure_ascii=False) + "\n" if self.schema else ""


NO_SCHEMA = (
    'The file does not say what its input looks like. Callers send {"data": [[...], ...]}, unchecked; '
    "give a sample request to get checks, documentation and a form."
)


def table(columns: Sequence[tuple[str, str]], sample: dict | None = None, *, argument: str = TABLE) -> Schema:
    """A schema for rows: columns are (name, dtype)."""
    empty = {"text": "", "bool": False}
    row = {name: (sample or {}).get(name, empty.get(dtype, 0 if dtype.startswith("int") else 0.0)) for name, dtype in columns}
    return Schema({argument: Pandas(list(columns), [row])})


def array(shape: Sequence[int], dtype: str = "float64", *, argument: str = ARRAY) -> Schema:
    """A schema for nested lists; the first length is free."""
    shape = (1, *shape)
    value: object = 0 if dtype.startswith(("int", "uint")) else False if dtype == "bool" else 0.0
    for length in reversed(shape):
        value = [value] * length
    return Schema({argument: Numpy(dtype, shape, value)})


def is_table(schema: Schema | None) -> bool:
    return schema is not None and all(isinstance(each, Pandas) for each in schema.inputs.values())


def identifier(name: str) -> str:
    """A name that run() may have as an argument: `input.1` becomes `input_1`."""
    made = re.sub(r"\W", "_", name, flags=re.ASCII)
    made = f"input_{made}" if not made or made[0].isdigit() else made
    return f"{made}_" if keyword.iskeyword(made) else made


def quoted(text: str) -> str:
    """`text` as it is written in Python. People's file and column names may hold anything."""
    return json.dumps(text, ensure_ascii=False)


def driver(
    *, what: str, imports: Sequence[str], init: Sequence[str], run: Sequence[str], schema: Schema | None, keeps: str = "model"
) -> str:
    """The text of score.py. `init` and `run` are lines without indentation; `{data}` in them is the only argument's name.

    Without a schema run() is given the body as text, and takes `data` out of it.
    """
    arguments = list(schema.inputs) if schema is not None else ["body"]
    first = arguments[0] if schema is not None else ARRAY
    lines = [line.replace("{data}", first) for line in run]
    if schema is None:
        imports = ["import json", "from azureml.api.exceptions.BadRequest import BadRequestException", *imports]
        said = 'Called for each request, with its body: {"data": [...]}, an entry for each row.'
        lines = [
            "try:",
            f'    {ARRAY} = json.loads(body)["data"]',
            "except (ValueError, KeyError, TypeError):",
            """    raise BadRequestException('Send {"data": [[...], ...]}: an entry for each row.') from None""",
            *lines,
        ]
    else:
        said = f"Called for each request, with what the schema describes: {', '.join(arguments)}."
    what = what.replace("\\", "/").replace('"', "'")
    body = [
        f'"""Answers with {what}. Generated from its files; change what you like."""',
        "",
        *_sorted(imports),
        "",
        "",
        "def init():",
        '    """Called once, when a replica starts."""',
        f"    global {keeps}",
        *(f"    {line}" for line in init),
        "",
        "",
        f"def run({', '.join(arguments)}):",
        f'    """{said}"""',
        *(f"    {line}" for line in lines),
    ]
    return "\n".join(line.rstrip() for line in body) + "\n"


def _sorted(imports: Sequence[str]) -> list[str]:
    """The standard library first, as formatters want it."""
    standard = [line for line in imports if line.split()[1] in ("json", "os", "pickle", "pathlib")]
    others = [line for line in imports if line not in standard]
    return [*sorted(standard), *([""] if standard and others else []), *sorted(others)]
