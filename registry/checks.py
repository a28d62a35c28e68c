"""What `manage.py check` looks at for the registry; ids are registry.E001 and up."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, register

from registry.storage import blobs


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
