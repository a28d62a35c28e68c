"""The support bundle, for administrators."""

from __future__ import annotations

from django.utils.translation import gettext as _

from deployments import support
from portal.accounts.events import EventTag, record
from portal.errors import NotAllowed


def download_support_bundle(*, user) -> tuple[str, bytes]:
    """(the file's name, a zip). It is written down who took one."""
    if not (user.is_active and user.is_superuser):
        raise NotAllowed(_("Only an administrator of this portal may take a support bundle."))
    name, data = support.name(), support.bundle()
    record(user, EventTag.SUPPORT_DOWNLOADED)
    return name, data
