"""One step: files in, a service out. The original's `service create realtime --model-file … -f … -n …`."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from deployments import plans
from deployments.actions.images import create_image
from deployments.models import Environment, Operation, Service
from portal.accounts.permissions import Permission, require
from registry.actions.manifests import create_manifest
from registry.actions.models import register_model
from registry.models import Manifest, ModelVersion


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
    driver,
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

    `name` names manifest, image and service. All or nothing: a fault in any part
    leaves no row. An existing service of that name is updated to the new image and to
    the `service_fields` that are given, once the image is built, in its own environment.
    """
    require(user, Permission.MODEL_WRITE, group)
    versions = list(models)
    if model_files or model_upload_set:
        source = {"upload_set": model_upload_set} if model_upload_set else {"files": list(model_files)}
        versions.append(register_model(user=user, group=group, name=model_name or name, description=description, **source))
    manifest = create_manifest(
        user=user,
        group=group,
        name=name,
        models=versions,
        driver=driver,
        schema=schema,
        dependencies=dependencies,
        files=list(files),
        upload_set=upload_set,
        runtime=runtime,
        python=python,
        description=description,
    )
    service, keys, then = None, {}, None
    if not image_only:
        require(user, Permission.SERVICE_WRITE, group)
        service_fields = dict(service_fields or {})
        service = Service.objects.filter(group=group, name=name, deleting=False).first()
        if service is None:
            service, keys = plans.plan_service(
                user=user, group=group, name=name, environment=environment, description=description, **service_fields
            )
            service_fields = {}
        else:
            environment = service.environment
            plans.check_changes(service, service_fields)
        then = {"service": str(service.pk), "changes": service_fields}
    operation = create_image(
        user=user, group=group, manifest=manifest, environment=environment, name=name, description=description, then=then
    )
    return Deployed(versions, manifest, operation, service, keys)
