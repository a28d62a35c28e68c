"""What a row of each list can be asked to do, in the order of what people do most; the page of the thing itself offers the same."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from deployments.models import Environment, Service
from frontend.row_menus import Verb
from portal.accounts.permissions import Permission
from registry.models import Image, Manifest, ModelVersion

#: (a page's name, its words) -> its address in the group
Addresses = Callable[..., str]


def of_model(url: Addresses, version: ModelVersion) -> list[Verb]:
    said = str(version)
    compare = [Verb(_("Compare"), "columns", url("compare_models", said))] if version.number > 1 else []
    return [
        Verb(_("Create manifest with this"), "list-details", f"{url('new_manifest')}?model={said}", Permission.MANIFEST_WRITE),
        Verb(_("New version"), "plus", f"{url('new_model')}?name={version.name}", Permission.MODEL_WRITE),
        Verb(_("Point an alias here"), "git-branch", url("move_alias", said), Permission.MODEL_WRITE),
        Verb(_("Edit description and tags"), "pencil", url("edit_model", said), Permission.MODEL_WRITE),
        *compare,
        Verb(_("Delete this version"), "trash", url("delete_model", said), Permission.MODEL_WRITE, danger=True),
    ]


def of_manifest(url: Addresses, manifest: Manifest) -> list[Verb]:
    said = str(manifest)
    return [
        Verb(_("Build image"), "package", f"{url('new_image')}?manifest={said}", Permission.IMAGE_WRITE),
        Verb(_("New version from this"), "copy", f"{url('new_manifest')}?from={said}", Permission.MANIFEST_WRITE),
        Verb(_("Delete this manifest"), "trash", url("delete_manifest", said), Permission.MANIFEST_WRITE, danger=True),
    ]


def of_image(url: Addresses, image: Image) -> list[Verb]:
    said = str(image)
    found = [Verb(_("Build again"), "refresh", f"{url('new_image')}?manifest={image.manifest}", Permission.IMAGE_WRITE)]
    if image.is_built:
        found.insert(0, Verb(_("Deploy"), "rocket", f"{url('new_service')}?image={said}", Permission.SERVICE_WRITE))
    if image.location:
        found.append(Verb(_("Copy the location"), "copy", copies=image.location))
    return [*found, Verb(_("Delete this image"), "trash", url("delete_image", said), Permission.IMAGE_WRITE, danger=True)]


def of_service(url: Addresses, service: Service) -> list[Verb]:
    name = service.name
    found = [
        Verb(_("Try it"), "bolt", url("service_try", name)),
        Verb(_("Logs"), "file-text", url("service_logs", name)),
        Verb(_("Update"), "pencil", url("service_settings", name), Permission.SERVICE_WRITE),
    ]
    if service.stopped:
        found.append(Verb(_("Start"), "player-play", url("start_service", name), Permission.SERVICE_WRITE, post=True))
    elif not service.deleting:
        found.append(Verb(_("Stop"), "player-stop", url("stop_service", name), Permission.SERVICE_WRITE, post=True))
    return [
        *found,
        Verb(_("Roll back"), "arrow-back-up", url("service_history", name)),
        Verb(_("Keys"), "key", url("service_keys", name)),
        Verb(_("Delete this service"), "trash", url("delete_service", name), Permission.SERVICE_DELETE, danger=True),
    ]


def of_environment(url: Addresses, environment: Environment) -> list[Verb]:
    name = environment.name
    return [
        Verb(_("Test connection"), "refresh", url("test_environment", name), Permission.ENVIRONMENT_READ, post=True),
        Verb(_("Edit"), "pencil", url("edit_environment", name), Permission.ENVIRONMENT_WRITE),
        Verb(_("Delete this environment"), "trash", url("delete_environment", name), Permission.ENVIRONMENT_WRITE, danger=True),
    ]
