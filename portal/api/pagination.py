"""Lists as the original had them: `{value, nextLink}` with `count` (page size) and `$skipToken`."""

from __future__ import annotations

import base64
import binascii

from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from portal.errors import BadRequest

DEFAULT, MOST = 50, 500


class SkipTokenPagination(BasePagination):
    """An opaque token holds the offset; a page asks one row more than it shows to know whether there is a next one."""

    def paginate_queryset(self, queryset, request, view=None):
        self.request = request
        self.size = self._size(request.query_params.get("count"))
        self.offset = self._offset(request.query_params.get("$skipToken"))
        rows = list(queryset[self.offset : self.offset + self.size + 1])
        self.more = len(rows) > self.size
        return rows[: self.size]

    @staticmethod
    def _size(asked: str | None) -> int:
        if asked is None:
            return DEFAULT
        if not (asked.isascii() and asked.isdecimal()) or not 1 <= int(asked) <= MOST:
            raise BadRequest(_("count must be a whole number from 1 to %(most)s.") % {"most": MOST}, field="count")
        return int(asked)

    @staticmethod
    def _offset(token: str | None) -> int:
        if token is None:
            return 0
        try:
            offset = int(base64.urlsafe_b64decode(token.encode()).decode())
        except (ValueError, binascii.Error, UnicodeError):
            offset = -1
        if not 0 <= offset < 2**31:
            raise BadRequest(_("This $skipToken is not one of ours; take it from nextLink."), field="$skipToken")
        return offset

    def get_paginated_response(self, data):
        following = None
        if self.more:
            token = base64.urlsafe_b64encode(str(self.offset + self.size).encode()).decode()
            following = replace_query_param(self.request.build_absolute_uri(), "$skipToken", token)
        return Response({"value": data, "nextLink": following})

    def get_paginated_response_schema(self, schema):
        return {
            "type": "object",
            "required": ["value", "nextLink"],
            "properties": {"value": schema, "nextLink": {"type": ["string", "null"], "format": "uri"}},
        }

    def get_schema_operation_parameters(self, view):
        return [
            {
                "name": "count",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT},
                "description": "Rows on a page",
            },
            {"name": "$skipToken", "in": "query", "schema": {"type": "string"}, "description": "Where the next page starts, from nextLink"},
        ]
