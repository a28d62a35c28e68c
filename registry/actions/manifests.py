"""Manifests: checked as a whole when they are made, never changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from registry.actions.models import clean_files
from registry.actions.uploads import use_up
from registry.faults import Faults
from registry.models import Asset, Manifest, ManifestFile, ManifestModel, ModelFile, ModelVersion, UploadSet
from registry.models import Sequence as Numbers
from registry.paths import clean_path, collisions
from registry.requirements_files import Requirements, RequirementsError, parse_conda, parse_pip
from registry.runtimes import RUNTIMES
from registry.storage import read_asset, store_bytes
from registry.usage import count_manifests, refuse_if_used
from scoring import driver as drivers
from scoring import schema as schemas
from scoring.errors import SchemaError

PIP, CONDA = ManifestFile.Role.PIP, ManifestFile.Role.CONDA
MOST_MODELS = 100
#: larger texts are not read by anybody; a parsed scoring file takes up to a thousand times its size in memory
MOST_BYTES = {"driver": 2**18, "schema": 8 * 2**20, "dependencies": 64 * 2**10}

Text = tuple[str, bytes]


@transaction.atomic
def create_manifest(
    *,
    user,
    group,
    name: str,
    models: Sequence[ModelVersion] = (),
    driver: Text | None = None,
    schema: Text | None = None,
    dependencies: tuple[str, bytes, str | None] | None = None,
    files: Sequence[tuple[str, Asset]] = (),
    upload_set: UploadSet | None = None,
    runtime: str = "python",
    python: str | None = None,
    description: str = "",
) -> Manifest:
    """The next manifest of `name`. Everything that can be seen without running the code is checked, and all faults are told at once.

    `driver` and `schema` are (path, bytes); `dependencies` is (path, bytes, "pip" or "conda"; None looks at the file).
    `python` of None is the conda file's version or the usual one.
    """
    require(user, Permission.MANIFEST_WRITE, group)
    for version in models:
        if version.group.pk != group.pk:
            raise Conflict(
                _("%(version)s belongs to another resource group.") % {"version": version},
                code="OtherGroup",
                details=[_detail("models", str(version))],
            )
    faults = Faults()
    faults.name(name)
    if upload_set is not None:
        files = [*files, *use_up(user=user, group=group, upload_set=upload_set)]
    files = clean_files(files, faults, required=False)
    _clean_models(models, faults)
    driver = _clean_text(driver, "driver", faults)
    schema = _clean_text(schema, "schema", faults)
    dependencies, kind, requirements = _clean_dependencies(dependencies, faults)
    service_schema = _check_code(driver, schema, faults)
    python = _clean_runtime(runtime, python, requirements, faults)
    if len(description) > 20_000 or "\0" in description:
        faults.add("description", "Use at most 20,000 characters and no null character.")

    texts = [(ManifestFile.Role.DRIVER, driver), (ManifestFile.Role.SCHEMA, schema), (kind, dependencies)]
    texts = [(role, text) for role, text in texts if text is not None]
    for sentence in collisions(_everything(texts, files, models)):
        faults.add("files", sentence)
    faults.check()

    manifest = Manifest.objects.create(
        group=group,
        name=name,
        number=_next_number(group, name),
        description=description,
        runtime=runtime,
        python=python,
        requirements="\n".join(requirements.lines),
        requirement_notes=list(requirements.notes),
        service_schema=service_schema,
        created_by=user,
    )
    kept = [(role, path, store_bytes(data)) for role, (path, data) in texts] + [
        (ManifestFile.Role.FILE, path, asset) for path, asset in files
    ]
    ManifestFile.objects.bulk_create(
        [ManifestFile(manifest=manifest, role=role, path=path, asset=asset) for role, path, asset in kept], batch_size=500
    )
    ManifestModel.objects.bulk_create(
        [ManifestModel(manifest=manifest, version=version, order=order) for order, version in enumerate(models)]
    )
    count_manifests([version.pk for version in models])
    record(user, EventTag.MANIFEST_CREATED, manifest, models=[str(version) for version in models], runtime=runtime, python=python)
    return manifest


def copy_manifest(
    *,
    user,
    manifest: Manifest,
    models: Sequence[ModelVersion] | None = None,
    dependencies: tuple[str, bytes, str] | None = None,
    python: str | None = None,
) -> Manifest:
    """The next manifest of the same name, with other model versions, another dependency file or another Python; the rest is as it was."""
    files = list(manifest.files.select_related("asset"))

    def text(*roles: str) -> tuple | None:
        file = next((one for one in files if one.role in roles), None)
        return (file.path, read_asset(file.asset), file.role) if file else None

    driver, schema = text(ManifestFile.Role.DRIVER), text(ManifestFile.Role.SCHEMA)
    return create_manifest(
        user=user,
        group=manifest.group,
        name=manifest.name,
        models=[use.version for use in manifest.uses.select_related("version__model__group")] if models is None else models,
        driver=driver and driver[:2],
        schema=schema and schema[:2],
        dependencies=dependencies or text(PIP, CONDA),
        files=[(file.path, file.asset) for file in files if file.role == ManifestFile.Role.FILE],
        runtime=manifest.runtime,
        python=python or manifest.python,
        description=manifest.description,
    )


@transaction.atomic
def delete_manifest(*, user, manifest: Manifest) -> None:
    """Refused (409, InUse) while an image was made of it."""
    require(user, Permission.MANIFEST_WRITE, manifest.group)
    refuse_if_used(manifest)
    record(user, EventTag.MANIFEST_DELETED, manifest)
    used = list(manifest.uses.values_list("version", flat=True))
    manifest.delete()
    count_manifests(used)


def dependency_kind(path: str, data: bytes) -> str:
    """ "pip" or "conda", from the name and, when that says nothing, from the text."""
    lowered = path.lower()
    if lowered.endswith((".yml", ".yaml")):
        return CONDA
    if lowered.endswith((".txt", ".in", ".pip")):
        return PIP
    return CONDA if any(line.startswith((b"dependencies:", b"channels:")) for line in data.splitlines()) else PIP


def _detail(field: str, message: str) -> dict:
    return {"code": "Invalid", "message": message, "field": field}


def _next_number(group, name: str) -> int:
    return Numbers.next(group, "manifest", name)


def _clean_models(versions: Sequence[ModelVersion], faults: Faults) -> None:
    if len(versions) > MOST_MODELS:
        faults.add("models", f"Use at most {MOST_MODELS} models.")
    for version in versions:
        if sum(version.pk == other.pk for other in versions) > 1:
            faults.add("models", f"{version} is named twice.")


def _clean_text(text: Text | None, field: str, faults: Faults) -> Text | None:
    """The file with a clean path, or None when there is none or it cannot be read."""
    if text is None:
        if field == "driver":
            faults.add(field, "Give a scoring file with init() and run(), for example score.py.")
        return None
    path, data = text
    with faults.on(field):
        path = clean_path(path)
        if len(data) > MOST_BYTES[field]:
            raise ValidationError(
                _("%(path)s has %(count)s bytes; the most is %(most_bytes)s.")
                % {"path": path, "count": format(len(data), ","), "most_bytes": format(MOST_BYTES[field], ",")}
            )
        if not data.strip():
            raise ValidationError(_("%(path)s is empty.") % {"path": path})
        if field == "driver" and not path.endswith(".py"):
            raise ValidationError(_("%(path)s is not a Python file: its name must end in .py.") % {"path": path})
        return path, data
    return None


def _clean_dependencies(given, faults: Faults) -> tuple[Text | None, str, Requirements]:
    nothing = Requirements(lines=[], python=None, notes=[])
    if given is None:
        return None, PIP, nothing
    path, data, kind = given
    text = _clean_text((path, data), "dependencies", faults)
    if text is None:
        return None, PIP, nothing
    kind = kind or dependency_kind(*text)
    if kind not in (PIP, CONDA):
        faults.add("dependencies", f"{kind!r} is not a kind of dependency file; use pip or conda.")
        return None, PIP, nothing
    try:
        return text, kind, (parse_conda if kind == CONDA else parse_pip)(data)
    except RequirementsError as error:
        where = f"{text[0]} line {error.line}: " if error.line else f"{text[0]}: "
        faults.add("dependencies", where + error.message)
        return text, kind, nothing


def _check_code(driver: Text | None, schema: Text | None, faults: Faults) -> dict | None:
    """What the scoring file and the schema say about themselves and each other; the schema in our JSON form."""
    parsed = info = None
    if schema is not None:
        try:
            parsed = schemas.read(schema[1])
        except SchemaError as error:
            faults.add("schema", f"{schema[0]}: {error.message}" + (f" (at {error.pointer})" if error.pointer else ""))
    if driver is not None:
        info = drivers.inspect_source(driver[1], filename=driver[0])
        for error in info.errors:
            faults.add("driver", error.message)
    if info is not None and not info.errors and (schema is None) == (parsed is None):
        for sentence in drivers.check_arguments(info, parsed):
            faults.add("driver", sentence)
    return _storable(parsed.to_json(), schema[0], faults) if parsed is not None else None


def _storable(document: dict, path: str, faults: Faults) -> dict | None:
    """What every database keeps as JSON: finite numbers, and text without null characters and halves of characters."""
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        text.encode()
    except ValueError:
        faults.add("schema", f"{path}: its sample holds an infinite number, or half of a character. Use values that a caller can send.")
        return None
    if "\\u0000" in text:
        faults.add("schema", f"{path}: its sample holds a null character. Use text that a caller can send.")
        return None
    return document


def _clean_runtime(runtime: str, python: str | None, requirements: Requirements, faults: Faults) -> str:
    known = RUNTIMES.get(runtime)
    if known is None:
        faults.add("runtime", f"There is no runtime {runtime!r}. Use {' or '.join(RUNTIMES)}.")
        return python or ""
    if python and requirements.python and python != requirements.python:
        faults.add("python", f"The conda file asks for Python {requirements.python} and the form for {python}. Choose one.")
    chosen = python or requirements.python or known.pythons[0]
    if chosen not in known.pythons:
        field = "python" if python else "dependencies"
        faults.add(field, f"Python {chosen} is not offered here. Use one of {', '.join(known.pythons)}.")
    return chosen


def _everything(texts, files, versions: Sequence[ModelVersion]) -> list[tuple[str, str]]:
    """(path, who brings it) of all that will lie beside the scoring file."""
    entries = [(path, str(ManifestFile.Role(role).label)) for role, (path, _) in texts]
    entries += [(path, "an extra file") for path, _ in files]
    for file in ModelFile.objects.filter(version__in=versions).select_related("version__model").order_by("version_id", "path"):
        entries.append((file.app_path, f"model {file.version}"))
    return entries
