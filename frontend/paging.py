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

    def __init__(self, object_list, per_page, *args, most: int = MOST_COUNTED, **kwargs):
        super().__init__(object_list, per_page, *args, **kwargs)
        self.most = most

    @cached_property
    def _counted(self) -> int:
        """At most one more than `most`."""
        rows = self.object_list.data.data
        return rows.order_by()[: self.most + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def said(self) -> str:
        """The count as it is shown: 42, or 10,000+."""
        return number_format(self.count, force_grouping=True) + ("+" if self._counted > self.most else "")


def settle(rows: QuerySet, found: QuerySet) -> tuple[QuerySet, int]:
    """(the rows to be shown, how many are counted at most) of a search through text, which no index helps.

    Few are found: then they are named, and counting, sorting and paging need not look through all rows again.
    `rows` is the list without its filters.
    """
    keys = list(found.order_by().values_list("pk", flat=True)[: MOST_FOUND + 1])
    return (found, MOST_FOUND) if len(keys) > MOST_FOUND else (rows.filter(pk__in=keys), MOST_COUNTED)
