"""Recipes for models without code: what a model's files say about themselves becomes score.py, dependencies and schema.

Pure: files in, a recipe out. Nothing of a model is executed or imported; large files are read at their ends or walked past.
"""

from __future__ import annotations

from registry.generating import keras, lightgbm, mlflow, onnx, pickled, spark, torch, xgboost
from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import Recipe
from scoring.schema import Schema

__all__ = ["ModelFiles", "NotRecognised", "Recipe", "generate"]

#: whole folders first: an MLflow folder holds a pickle as well
FOLDERS = (mlflow, spark)
#: the stricter signs first; a pickle has the weakest
FILES = (onnx, keras, torch, xgboost, lightgbm, pickled)
#: files of a folder that are looked at
MOST_LOOKED_AT = 200
KNOWN = "scikit-learn, XGBoost (.json, .ubj), LightGBM (.txt), ONNX, Keras (.keras, .h5), TorchScript, Spark and MLflow folders"


class NotRecognised(ValueError):
    """No recipe can be written, in a sentence with the cure."""


def generate(files: ModelFiles, *, sample: Schema | None = None) -> Recipe:
    """The recipe for these files. `sample` is the schema of a request that somebody gave; it wins over what the files say."""
    try:
        for module in FOLDERS if files.is_folder else ():
            if recipe := module.recognise(files, sample):
                return recipe
        for path in files.shallow_first()[:MOST_LOOKED_AT]:
            for module in FILES:
                if recipe := module.recognise(files, path, sample):
                    return recipe
    except Unreadable as error:
        raise NotRecognised(str(error)) from None
    raise NotRecognised(f"{files.root} is no kind of model that is known here ({KNOWN}). Write a scoring file for it.")
