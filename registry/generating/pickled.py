"""Pickled models (pickle, joblib, cloudpickle), scikit-learn's first of all. Read as a description; nothing is unpickled here."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import NO_SCHEMA, TABLE, Recipe, array, driver, is_table, quoted, table
from registry.generating.symbols import Description, Made, NotAPickle, describe, items_of
from registry.known_packages import CONDA_TO_PYPI, IMPORTED_AS, SAME_NAME
from scoring.schema import Schema

ENDINGS = (".pkl", ".pickle", ".joblib", ".sav", ".p", ".gz", ".bz2", ".xz", ".z", ".model")
_KNOWN = {canonicalize_name(name) for name in SAME_NAME}
#: brought by others, or by Python itself
_NOT_ASKED_FOR = {"numpy", "joblib", "builtins", "copyreg", "__builtin__", "copy_reg", "_codecs", "scipy", "threadpoolctl"}
#: what is made of rows where there is no predict()
_TRANSFORM = ("sklearn.preprocessing", "sklearn.decomposition", "sklearn.feature_extraction", "sklearn.manifold", "sklearn.impute")
_OF_TEXT = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_OF_WORDS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder", "CatBoostEncoder", "LabelBinarizer")
_SOME_TEXT = "some words"
MOST_COLUMNS = 2000


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    named = path.lower().endswith(ENDINGS)
    if not named and not files.head(path, 2).startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return None
    with files.open(path) as file:
        try:
            found = describe(file)
        except NotAPickle as error:
            if files.is_folder or not named:
                return None
            raise Unreadable(f"{path} cannot be read as a pickle: {error}.") from None
    return _recipe(files.beside(path), found, sample)


def _recipe(place: str, found: Description, sample: Schema | None) -> Recipe:
    model, key = _model(found)
    imports_of = {module.split(".")[0] for module, _ in found.globals}
    version = next((made.get("_sklearn_version") for made in found.made() if isinstance(made.get("_sklearn_version"), str)), None)
    notes = _foreign(found, place)
    requirements, python = _requirements(imports_of, version, found, notes)
    schema = sample or _schema(model)
    if is_table(schema) and "pandas" not in requirements:
        requirements.append("pandas")
    if schema is None:
        notes.append(NO_SCHEMA)
    plainly = "sklearn" not in imports_of and "joblib" not in imports_of
    load = f'pickle.load(open({quoted(place)}, "rb"))' if plainly else f"joblib.load({quoted(place)})"
    if plainly:
        init = [f'with open({quoted(place)}, "rb") as file:', f"    model = pickle.load(file){key}"]
    else:
        init = [f"model = {load}{key}"]
    given = "{data}"
    first = _steps(model)[0]
    if schema is not None and first.name in _OF_TEXT and is_table(schema):
        column = next(iter(schema.inputs.values())).columns[0][0]
        given = f"{{data}}[{quoted(column)}]"
    elif is_table(schema) and not _names(model):
        given = "{data}.to_numpy()"
    last = _steps(model)[-1]
    verb = "transform" if last.module.startswith(_TRANSFORM) else "predict"
    sklearn = "sklearn" in imports_of or last.module.endswith(".sklearn")
    framework = _framework(last)
    text = driver(
        what=f"the {last.name or 'object'} in {place}",
        imports=["import pickle" if plainly else "import joblib"],
        init=init,
        run=[f"return model.{verb}({given}).tolist()" if sklearn else f"return model.{verb}({given})"],
        schema=schema,
    )
    if not sklearn:
        notes.append(f"{place} is a pickled {last.module}.{last.name}; run() calls its predict(). Look whether that is right.")
    return Recipe(framework, text, requirements, schema, python, notes=notes)


def _model(found: Description) -> tuple[Made, str]:
    """The thing that predicts, and how it is taken out of the pickle."""
    root = found.root
    if isinstance(root, Made) and root.module:
        return root, ""
    if isinstance(root, dict):
        inside = {key: each for key, each in root.items() if isinstance(each, Made) and _is_model(each)}
        for key in ("model", "pipeline", "estimator", "classifier", "regressor", *inside):
            if key in inside:
                return inside[key], f"[{key!r}]"
    raise Unreadable(
        "The pickle holds a " + (type(root).__name__ if not isinstance(root, Made) else "thing of its own") + ", not a model. "
        "Write a scoring file that says what is done with it."
    )


def _is_model(made: Made) -> bool:
    return bool(made.module) and made.module.split(".")[0] not in ("numpy", "pandas", "builtins", "collections")


def _steps(model: Made) -> list[Made]:
    """A pipeline's steps, or the model alone."""
    steps = model.get("steps") if model.name == "Pipeline" else None
    found = [pair[1] for pair in steps or [] if isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], Made)]
    return [part for step in found for part in _steps(step)] or [model]


def _inside(model: Made) -> Iterable[Made]:
    """What may know the input: the model, its first steps, and what a search has found."""
    yield model
    for key in ("best_estimator_", "estimator", "base_estimator"):
        if isinstance(found := model.get(key), Made):
            yield from _inside(found)
    steps = _steps(model)
    if steps[0] is not model:
        yield from steps


def _names(model: Made) -> list[str]:
    for made in _inside(model):
        names = items_of(made.get("feature_names_in_"))
        if names and len(names) <= MOST_COLUMNS and all(isinstance(name, str) for name in names):
            return names
    return []


def _schema(model: Made) -> Schema | None:
    if _steps(model)[0].name in _OF_TEXT:
        return table([("text", "text")], {"text": _SOME_TEXT})
    if names := _names(model):
        words = _words(model)
        return table([(name, "text" if name in words else "float64") for name in names], words, argument=TABLE)
    for made in _inside(model):
        for key in ("n_features_in_", "_n_features_in", "_n_features", "n_features_"):
            count = made.get(key)
            if type(count) is int and 0 < count <= MOST_COLUMNS:
                return array([count])
    return None


def _words(model: Made) -> dict[str, str]:
    """Columns that hold text, by the encoders and vectorizers that a ColumnTransformer gives them to; each with a word that suits it."""
    found: dict[str, str] = {}
    for made in _inside(model):
        for entry in made.get("transformers_") or []:
            if not isinstance(entry, tuple) or len(entry) != 3 or not isinstance(entry[1], Made):
                continue
            given = [entry[2]] if isinstance(entry[2], str) else items_of(entry[2]) or []  # one name alone: the column as a list of texts
            columns = [column for column in given if isinstance(column, str)]
            if any(step.name in _OF_TEXT for step in _steps(entry[1])):
                found.update(dict.fromkeys(columns, _SOME_TEXT))
                continue
            encoder = next((step for step in _steps(entry[1]) if step.name in _OF_WORDS), None)
            if encoder is None:
                continue
            for column, words in zip(columns, items_of(encoder.get("categories_")) or [], strict=False):
                first = (items_of(words) or [None])[0]
                if isinstance(first, str):
                    found[column] = first
    return found


def _requirements(imported: set[str], version: str | None, found: Description, notes: list[str]) -> tuple[list[str], str | None]:
    """Packages by the names that the pickle uses; scikit-learn's version stands in it."""
    lines, python = [], None
    if any(module in ("xgboost.sklearn", "lightgbm.sklearn") for module, _ in found.globals):
        imported = imported | {"sklearn"}
    for module in sorted(imported - _NOT_ASKED_FOR - set(sys.stdlib_module_names)):
        if module == "sklearn":
            lines.append(f"scikit-learn=={version}" if version else "scikit-learn")
            python = _after_sklearn(version, lines)
            continue
        if module == "xgboost":
            lines.append("xgboost-cpu")
            continue
        package = IMPORTED_AS.get(module, module)
        if canonicalize_name(package) in _KNOWN or module in IMPORTED_AS:
            lines.append(canonicalize_name(package))
    if any(module.startswith("numpy._core") for module, _ in found.globals) and not any(line.startswith("numpy") for line in lines):
        lines.append("numpy>=2")
    if version is None and "sklearn" in imported:
        notes.append("The version of scikit-learn does not stand in the file. Write the one it was trained with after ==.")
    return lines or ["numpy"], python


def _after_sklearn(version: str | None, lines: list[str]) -> str | None:
    """Old releases run on an old Python only, and with an old numpy, though they do not say so themselves."""
    try:
        release = Version(version or "")
    except InvalidVersion:
        return None
    if release < Version("1.4.2"):
        lines.append("numpy<2")
    return "3.9" if release < Version("1.0") else "3.10" if release < Version("1.1.3") else "3.11" if release < Version("1.3.1") else None


def _framework(model: Made) -> str:
    top = model.module.split(".")[0]
    if not _is_known(top):
        return "pickle"
    return {"sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM", "torch": "PyTorch", "catboost": "CatBoost"}.get(
        top, top or "pickle"
    )


def _foreign(found: Description, place: str) -> list[str]:
    """Classes that no package has: of the training script, or of somebody's own modules. It fails in the build, so it is said before."""
    notes = []
    if own := sorted({name.split(".")[0] for module, name in found.globals if module == "__main__"}):
        names = ", ".join(f"`{name}`" for name in own[:3])
        notes.append(
            f"{place} needs {names} of the script it was trained in, so it cannot be loaded anywhere else. Put it into a module of its own, "
            "import it there, train and save again, and add that module as an extra file."
        )
    modules = sorted({module.split(".")[0] for module, _ in found.globals})
    notes += [
        f"{place} needs the module `{module}`, which is of no package that is known here, and cannot be loaded without it. If it is yours, "
        f"add {module}.py as an extra file; if a package brings it, add that to the dependencies."
        for module in modules
        if module and not module.startswith("_") and not _is_known(module)
    ][:3]
    return notes


def _is_known(module: str) -> bool:
    """Brought by Python, by what every image has, or by a package that is asked for."""
    if module in _NOT_ASKED_FOR or module in sys.stdlib_module_names or module in ("sklearn", "xgboost"):
        return True
    return module in IMPORTED_AS or module in CONDA_TO_PYPI.values() or canonicalize_name(module) in _KNOWN
