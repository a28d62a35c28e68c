"""One's own notifications: seen up to a moment."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from deployments.notifications import SEEN, seen_by
from portal.accounts.preferences import set_preference


def mark_read(*, user, until: datetime | None = None) -> datetime:
    """Everything up to `until` (now, if nothing is said) is not new any more. It never goes back, nor ahead of the clock."""
    now = timezone.now()
    until = max(seen_by(user), min(until or now, now))
    set_preference(user=user, name=SEEN, value=until.isoformat())
    return until
