"""Recipes proposed from a model's files. Nothing is written: what is proposed goes into a manifest when somebody says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest
from registry.actions.models import shape_of
from registry.generating import ModelFiles, NotRecognised, Recipe, generate
from registry.models import Asset, ModelVersion, UploadSet
from registry.runtimes import RUNTIMES
from registry.samples import schema_of
from registry.storage import open_asset
from scoring.schema import Schema


def propose_recipe(*, user, version: ModelVersion, sample: str = "", schema: Schema | None = None) -> Recipe:
    """score.py, dependencies and schema for a registered version. BadRequest (NotRecognised) when nothing is known to do with it.

    `sample` is a request, rows or CSV as text; `schema` is one that is there already. Both win over what the files say.
    """
    require(user, Permission.MANIFEST_WRITE, version.group)
    files = [(file.path, file.asset) for file in version.files.select_related("asset")]
    return _propose(version.root, version.kind == ModelVersion.Kind.FOLDER, files, schema or _schema_of(sample))


def propose_recipe_for_upload(*, user, upload_set: UploadSet, name: str = "model", sample: str = "") -> Recipe:
    """The same for files that are not registered yet; `name` is what a folder without one will be called."""
    require(user, Permission.MANIFEST_WRITE, upload_set.group)
    return recipe_for_files(name=name, files=[(file.path, file.asset) for file in upload_set.files.select_related("asset")], sample=sample)


def recipe_for_files(*, name: str, files: Sequence[tuple[str, Asset]], sample: str = "") -> Recipe:
    """For (path, asset) as they would be registered under `name`; asks for no permission, as the caller has."""
    if not files:
        raise BadRequest(_("There are no files to look at. Send the model first."), code="NotRecognised", field="files")
    kind, root, files = shape_of(name, sorted(files, key=lambda file: file[0]))
    return _propose(root, kind == ModelVersion.Kind.FOLDER, files, _schema_of(sample))


def _schema_of(sample: str) -> Schema | None:
    try:
        return schema_of(sample) if sample.strip() else None
    except ValidationError as error:
        raise ValidationError({"sample": error.messages}) from None


def _propose(root: str, is_folder: bool, files: Sequence[tuple[str, Asset]], schema: Schema | None) -> Recipe:
    assets = dict(files)
    seen = ModelFiles(root, is_folder, {path: asset.size for path, asset in files}, lambda path: open_asset(assets[path]))
    try:
        recipe = generate(seen, sample=schema)
    except NotRecognised as error:
        raise BadRequest(str(error), code="NotRecognised", field="model") from None
    offered = RUNTIMES[recipe.runtime].pythons
    if recipe.python and recipe.python not in offered:
        note = f"The model was made for Python {recipe.python}, which is not offered here; {offered[0]} is used. Look whether it loads."
        recipe = replace(recipe, python=None, notes=[*recipe.notes, note])
    return recipe
