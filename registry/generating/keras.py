"""Keras models: the `.keras` archive, and HDF5 files, which hold the same description as text."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import NO_SCHEMA, Recipe, array, driver, is_table, quoted
from scoring.schema import Schema

MOST_CONFIG = 8 * 2**20
_HDF5 = b"\x89HDF\r\n\x1a\n"


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    lowered = path.lower()
    if lowered.endswith(".keras"):
        config, version = _archive(files, path)
    elif lowered.endswith((".h5", ".hdf5")) and files.head(path, 8) == _HDF5:
        config, version = _hdf5(files, path)
    else:
        return None
    old = version.startswith(("1.", "2."))
    notes = []
    shape, dtype = _input(config)
    if sample is not None:
        schema = sample
    elif shape and all(type(length) is int and 0 < length < 10_000 for length in shape[1:]):
        schema = array(shape[1:], dtype)
    else:
        schema = None
        notes.append(NO_SCHEMA)
    if old:
        notes.append(f"It was saved by Keras {version}: the package tf-keras loads it.")
    given = "{data}.to_numpy()" if is_table(schema) else "{data}"
    text = driver(
        what=f"the Keras model {files.beside(path)}",
        imports=["import numpy", "import tf_keras" if old else "import keras"],
        # Code inside a model (Lambda layers) is not run unless somebody writes safe_mode=False.
        init=[f"model = {'tf_keras' if old else 'keras'}.saving.load_model({quoted(files.beside(path))}, compile=False)"],
        # predict() is made for large data: for the few rows of a request it takes a hundred times as long as the call.
        run=[
            f'found = model(numpy.asarray({given}, dtype="{dtype}"), training=False)',
            "return found.numpy().tolist()" if old else "return keras.ops.convert_to_numpy(found).tolist()",
        ],
        schema=schema,
    )
    keras = ["tf-keras"] if old else [f"keras>={version}" if re.fullmatch(r"[3-9](\.\d+){1,2}", version) else "keras"]
    return Recipe("Keras", text, [*keras, "tensorflow-cpu", *(["pandas"] if is_table(schema) else [])], schema, notes=notes)


def _archive(files: ModelFiles, path: str) -> tuple[Any, str]:
    found: dict[str, Any] = {}
    with files.open(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for name in ("config.json", "metadata.json"):
                    if archive.getinfo(name).file_size > MOST_CONFIG:
                        raise Unreadable(f"{path}: its {name} is too large to be read.")
                    found[name] = json.loads(archive.read(name))
        except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, EOFError) as error:
            raise Unreadable(
                f"{path} is not a Keras archive ({type(error).__name__}). Save it anew with model.save('model.keras')."
            ) from None
    version = found["metadata.json"].get("keras_version", "") if isinstance(found["metadata.json"], dict) else ""
    return found["config.json"], str(version)


def _hdf5(files: ModelFiles, path: str) -> tuple[Any, str]:
    """The description is an attribute of the file, kept as it is near the beginning or, when it is long, anywhere."""
    head = files.head(path, MOST_CONFIG)
    config: Any = None
    for found in re.finditer(rb'\{"(?:module|class_name)": "', head):
        try:
            config, _ = json.JSONDecoder().raw_decode(head[found.start() : found.start() + MOST_CONFIG].decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(config, dict) and "config" in config:
            break
    if not isinstance(config, dict):
        raise Unreadable(f"{path} holds weights, but not the model itself. Save it as a whole with model.save('model.keras').")
    found = re.search(rb"keras_version.{0,200}?(\d+\.\d+\.\d+)", head, re.DOTALL)
    return config, found[1].decode() if found else ""


def _input(config: Any) -> tuple[list | None, str]:
    """(shape with the free first length, dtype) of the only input."""
    shape, dtype = None, "float32"
    if isinstance(config, dict):
        build = config.get("build_config")
        shape = build.get("input_shape") if isinstance(build, dict) else None
        inner = config.get("config")
        layers = inner.get("layers") if isinstance(inner, dict) else None
        inputs = [layer for layer in layers or [] if isinstance(layer, dict) and layer.get("class_name") == "InputLayer"]
        if len(inputs) > 1:
            return None, dtype
        for layer in inputs or (layers or [])[:1]:
            said = layer.get("config") if isinstance(layer, dict) else None
            if isinstance(said, dict):
                shape = said.get("batch_shape") or said.get("batch_input_shape") or shape
                dtype = said["dtype"] if inputs and isinstance(said.get("dtype"), str) else dtype
    known = dtype if dtype in ("float32", "float64", "float16", "int32", "int64") else "float32"
    return (list(shape) if isinstance(shape, list) and len(shape) > 1 else None), known
