"""One mechanism for everything that has a state machine.

A subclass declares `MOVES` next to its `state` field, and one method a transition.
Nobody else writes `.state`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext as _

from portal.errors import IllegalMove


class Stateful(models.Model):
    """`move` is a compare-and-set, so two workers that try the same step cannot both succeed."""

    MOVES: dict[str, set[str]] = {}

    class Meta:
        abstract = True

    def move(self, to: str, *, where: dict | None = None, **also) -> None:
        """Become `to` and set the fields in `also`; raises IllegalMove if the row is not in a state that may.

        `where` narrows the row further (a fence, a lease), so that a stale holder's move is refused too.
        """
        sources = [state for state, targets in self.MOVES.items() if to in targets]
        moved = type(self)._default_manager.filter(pk=self.pk, state__in=sources, **(where or {})).update(state=to, **also)
        if not moved:
            # Only the state: with a fresh fence a stale holder would pass for the new one at its next try.
            self.refresh_from_db(fields=["state"])
            raise IllegalMove(_("%(self)s is %(state)s; it cannot become %(to)s.") % {"self": self, "state": self.state, "to": to})
        self.refresh_from_db()
