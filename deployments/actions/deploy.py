"""One step: files in, a service out. The original's `service create realtime --model-file … -f … -n …`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from deployments import plans
from deployments.actions.images import create_image
from deployments.models import Environment, Operation, Service
from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest
from registry.actions.manifests import create_manifest
from registry.actions.models import register_model
from registry.actions.recipes import propose_recipe
from registry.models import Manifest, ModelVersion
from scoring import schema as schemas
from scoring.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Deployed:
    """Everything that was made, each usable by its id; `keys` are shown this once and are empty when only an image was asked for."""

    versions: list[ModelVersion]
    manifest: Manifest
    operation: Operation
    service: Service | None
    keys: dict[str, str]


@transaction.atomic
def deploy(
    *,
    user,
    group,
    name: str,
    environment: Environment,
    model_name: str = "",
    model_files=(),
    model_upload_set=None,
    models=(),
    driver=None,
    schema=None,
    dependencies=None,
    files=(),
    upload_set=None,
    runtime: str = "python",
    python: str | None = None,
    description: str = "",
    image_only: bool = False,
    service_fields: dict | None = None,
) -> Deployed:
    """Registers the model files (if any), writes the manifest, and sends off the build; the rollout follows it.

    Without a `driver`, scoring file, dependencies and schema are written from the model's own files, as far as they are not given.
    `name` names manifest, image and service. All or nothing: a fault in any part
    leaves no row. An existing service of that name is updated to the new image and to
    the `service_fields` that are given, once the image is built, in its own environment.
    """
    require(user, Permission.MODEL_WRITE, group)
    if not image_only:
        require(user, Permission.SERVICE_WRITE, group)
    faults = _Faults()
    versions = list(models)
    if model_files or model_upload_set:
        source = {"upload_set": model_upload_set} if model_upload_set else {"files": list(model_files)}
        with faults.of("model_files"):
            versions.append(register_model(user=user, group=group, name=model_name or name, description=description, **source))
    generated = {}
    if driver is None and versions:
        with faults.of("model_files"):
            generated = _generate(user, versions[-1], schema, dependencies, runtime, python)
    with faults.of():
        manifest = create_manifest(
            user=user,
            group=group,
            name=name,
            models=versions,
            files=list(files),
            upload_set=upload_set,
            description=description,
            **({"driver": driver, "schema": schema, "dependencies": dependencies, "runtime": runtime, "python": python} | generated),
        )
    service, keys, then = None, {}, None
    if not image_only:
        service_fields = dict(service_fields or {})
        service = Service.objects.filter(group=group, name=name, deleting=False).first()
        with faults.of():
            if service is None:
                service, keys = plans.plan_service(
                    user=user, group=group, name=name, environment=environment, description=description, **service_fields
                )
                service_fields = {}
            else:
                environment = service.environment
                plans.check_changes(service, service_fields)
    faults.check()
    if service is not None:
        then = {"service": str(service.pk), "changes": service_fields}
    operation = create_image(
        user=user, group=group, manifest=manifest, environment=environment, name=name, description=description, then=then
    )
    return Deployed(versions, manifest, operation, service, keys)


def _generate(user, version: ModelVersion, schema, dependencies, runtime: str, python: str | None) -> dict:
    """The parts of a manifest that nobody has given, from the model's files."""
    try:
        known = schemas.read(schema[1]) if schema else None
    except SchemaError:
        known = None  # the manifest says what is wrong with it
    try:
        recipe = propose_recipe(user=user, version=version, schema=known)
    except BadRequest as error:
        raise ValidationError({"driver": error.message}) from None
    if schema is None and recipe.schema is not None:
        schema = ("service_schema.json", recipe.schema_file.encode())
    return {
        "driver": ("score.py", recipe.driver.encode()),
        "schema": schema,
        "dependencies": dependencies or ("requirements.txt", recipe.dependencies.encode(), "pip"),
        "runtime": recipe.runtime if runtime == "python" else runtime,
        "python": python or recipe.python,
    }


class _Faults:
    """What all parts refuse, told at once: a bad name must not hide a bad scoring file."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    @contextmanager
    def of(self, files_field: str = "files") -> Iterator[None]:
        """Collects a part's ValidationError; its `files` are the form's `files_field`. What it wrote is rolled back."""
        try:
            with transaction.atomic():
                yield
        except ValidationError as error:
            for field, sentences in error.message_dict.items():
                kept = self._found.setdefault(files_field if field == "files" else field, [])
                kept += [sentence for sentence in sentences if sentence not in kept]

    def check(self) -> None:
        if self._found:
            raise ValidationError(self._found)
