"""What `manage.py check` looks at for the registry; ids are registry.E001 and up."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, register
from django.core.files.base import ContentFile

from registry.storage import blobs


@register
def remote_storage_takes_files(app_configs, **kwargs):
    """Bucket or container, credentials and address of MODELPORT_STORAGE_URL, tried before the first upload is lost on them."""
    storage = blobs()
    if hasattr(storage, "adopt"):
        return []
    name = f"check/{uuid.uuid4().hex}"
    try:
        kept = storage.save(name, ContentFile(b"written by the check at start; can be deleted"))
        with storage.open(kept, "rb") as file:
            file.read()
        storage.delete(kept)
    except Exception as error:
        hint = "See docs/settings.md. The bucket or container must be there; what is said must be allowed to read, write and delete in it."
        return [Error(f"MODELPORT_STORAGE_URL: the storage does not work ({_said(error)}).", hint=hint, id="registry.E002")]
    return []


def _said(error: Exception) -> str:
    """The first line, which names the fault; both libraries put the request's details behind it."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200] if str(error).strip() else 'without a word'}"


@register
def staging_lies_beside_the_blobs(app_configs, **kwargs):
    """A rename works on one file system only."""
    storage = blobs()
    if not hasattr(storage, "adopt"):
        return []
    folder = Path(storage.location)
    folder.mkdir(parents=True, exist_ok=True)
    if os.stat(folder).st_dev != os.stat(settings.STAGING_DIR).st_dev:
        hint = "Let both be ordinary folders of MODELPORT_DATA."
        return [Error(f"{settings.STAGING_DIR} and {folder} are on two file systems.", hint=hint, id="registry.E001")]
    return []
