"""Pages of a list that may be long: what is counted is bounded, and a search looks through the rows once."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.functional import cached_property

#: rows that a list counts, and rows that a search keeps
MOST_COUNTED, MOST_FOUND = 10_000, 1000


class BoundedPaginator(Paginator):
    """Of a table over a queryset. Beyond `most` rows it says so instead of counting them all; filters lead further than pages do."""

    def __init__(self, object_list, per_page, *args, most: int = MOST_COUNTED, known: int | None = None, **kwargs):
        """`known` is how many there are, where that was found already."""
        super().__init__(object_list, per_page, *args, **kwargs)
        self.most, self.known = most, known

    @cached_property
    def _counted(self) -> int:
        """At most one more than `most`."""
        if self.known is not None:
            return self.known
        # Only the keys: what else is asked of each row shown need not be asked of each row counted.
        return self.object_list.data.data.order_by().values("pk")[: self.most + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def said(self) -> str:
        """The count as it is shown: 42, or 10,000+."""
        return told(self._counted, self.most)


def told(count: int, most: int = MOST_COUNTED) -> str:
    """42, or 10,000+ for whatever is above `most`."""
    return number_format(min(count, most), force_grouping=True) + ("+" if count > most else "")


def settle(rows: QuerySet, found: QuerySet) -> tuple[QuerySet, dict[str, int]]:
    """(the rows to be shown, what BoundedPaginator should know) of a search through text, which no index helps.

    Few are found: then they are named, and counting, sorting and paging need not look through all rows again.
    `rows` is the list without its filters.
    """
    keys = list(found.order_by().values_list("pk", flat=True)[: MOST_FOUND + 1])
    counted = {"most": MOST_FOUND, "known": len(keys)}
    return (found, counted) if len(keys) > MOST_FOUND else (rows.filter(pk__in=keys), counted)
