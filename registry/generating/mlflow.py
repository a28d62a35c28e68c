"""Folders that MLflow has saved: loader, requirements, Python and signature stand in `MLmodel`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import NO_SCHEMA, TABLE, Recipe, array, driver, is_table, quoted, table
from registry.requirements_files import RequirementsError, parse_pip
from scoring.schema import Numpy, Schema

#: types of a column in a signature -> dtypes
COLUMNS = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "boolean": "bool",
    "string": "text",
    "datetime": "datetime64[ns]",
}
MOST_NODES = 20_000


def recognise(files: ModelFiles, sample: Schema | None) -> Recipe | None:
    if "MLmodel" not in files:
        return None
    said = _yaml(files)
    flavors = said.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(function, dict):
        raise Unreadable(
            "MLmodel has no python_function flavor, so it cannot be called from Python. Save it with mlflow.pyfunc or a Python flavor."
        )
    notes: list[str] = []
    schema = sample or _signature(said)
    if schema is None:
        notes.append(NO_SCHEMA)
    requirements = _requirements(files, said, notes)
    if is_table(schema) and not any(line.startswith("pandas") for line in requirements):
        requirements.append("pandas")
    flavor = next((name for name in flavors if name != "python_function"), "python_function")
    text = driver(
        what=f"the MLflow model {files.root} ({flavor})",
        imports=["import mlflow.pyfunc"],
        init=[f"model = mlflow.pyfunc.load_model({quoted(files.root)})"],
        run=["found = model.predict({data})", 'return found.tolist() if hasattr(found, "tolist") else found'],
        schema=schema,
    )
    python = ".".join(str(function.get("python_version", "")).split(".")[:2])
    return Recipe(f"MLflow ({flavor})", text, requirements, schema, python or None, notes=notes)


def _yaml(files: ModelFiles) -> dict[str, Any]:
    text = files.text("MLmodel", 2**20)
    try:
        nodes = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            nodes += 1
            if isinstance(event, yaml.AliasEvent) or nodes > MOST_NODES:
                raise Unreadable("MLmodel uses aliases, or is too long.")
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("MLmodel is not YAML that can be read.") from None
    if not isinstance(said, dict):
        raise Unreadable("MLmodel says nothing.")
    return said


def _signature(said: dict[str, Any]) -> Schema | None:
    found = said.get("signature")
    try:
        inputs = json.loads(found["inputs"]) if isinstance(found, dict) and isinstance(found.get("inputs"), str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(each, dict) for each in inputs):
        return None
    if all(each.get("type") in COLUMNS for each in inputs):
        columns = [(str(each.get("name", place)), COLUMNS[each["type"]]) for place, each in enumerate(inputs)]
        moments = {name: "2026-01-01T00:00:00" for name, dtype in columns if dtype.startswith("datetime")}
        return table(columns, moments, argument=TABLE) if len({name for name, _ in columns}) == len(columns) else None
    spec = inputs[0].get("tensor-spec") if len(inputs) == 1 and inputs[0].get("type") == "tensor" else None
    shape = spec.get("shape") if isinstance(spec, dict) else None
    if isinstance(shape, list) and shape and all(type(length) is int and 0 < length < 10_000 for length in shape[1:]):
        dtype = str(spec.get("dtype"))
        return array(shape[1:], dtype) if Numpy(dtype, (1,), [0]) else None
    return None


def _requirements(files: ModelFiles, said: dict[str, Any], notes: list[str]) -> list[str]:
    """The folder's own, with the small MLflow, which loads every model that the large one loads."""
    lines = []
    for line in files.text("requirements.txt").splitlines():
        plain = line.split("#")[0].strip()
        try:
            found = parse_pip(plain.encode()).lines if plain else []
        except RequirementsError as error:
            notes.append(f"Left out of the dependencies: {plain[:80]} ({error.message})")
            continue
        lines += found
    version = str(said.get("mlflow_version", ""))
    wanted = next(
        (line for line in lines if line.startswith(("mlflow==", "mlflow>", "mlflow<")) or line == "mlflow"),
        f"mlflow=={version}" if version else "mlflow",
    )
    small = wanted.replace("mlflow", "mlflow-skinny", 1)
    kept = [line for line in lines if line != wanted and not line.startswith("mlflow-skinny")]
    for needed in ("numpy", "pandas"):  # which the small one does not bring
        if not any(line.startswith(needed) for line in kept):
            kept.append(needed)
    return [small, *kept]
