"""The gateway's own answers, as configuration text: the one error shape, with the request's id in it."""

from __future__ import annotations

import json

#: status -> (code, message, seconds to wait before trying again): what HAProxy itself finds out. What does not parse (400)
#: and headers that do not arrive (408) are answered before there is a call, with HAProxy's own plain text.
FOUND_BY_HAPROXY = {
    500: ("InternalServerError", "The gateway failed on this call.", 0),
    502: ("BadGateway", "The service closed the connection without an answer.", 1),
    503: ("Unavailable", "No replica of this service answers now. Try again.", 2),
    504: ("Timeout", "The service did not answer in time.", 0),
}
NOT_FOUND = (404, "NotFound", "There is no such service here.")
NO_PATH = (404, "NotFound", "The service has no such address.")
UNAUTHORIZED = (401, "Unauthorized", "A valid key of this service is needed: Authorization: Bearer <key>.")
STARTING = (503, "starting", "The service is starting. Try again.")
STOPPED = (503, "stopped", "The service is stopped.")
TOO_LARGE = (413, "TooLarge", "The request body is larger than this service accepts.")
ORIGIN_REFUSED = (403, "OriginNotAllowed", "Pages of this origin may not call this service.")
METHOD_REFUSED = (405, "MethodNotAllowed", "Only GET, HEAD and POST are answered here.")


def body(status: int, code: str, message: str) -> str:
    """One quoted `lf-string`: `%` starts a variable there, and a single quote would end it."""
    text = json.dumps({"code": code, "message": message, "statusCode": status, "requestId": "@", "details": []})
    return "'" + text.replace("%", "%%").replace("'", "\\u0027").replace('"@"', '"%[var(txn.rid)]"') + "'"


def answer(what: tuple[int, str, str], condition: str, **headers: str) -> str:
    """One `http-request return` line; header names are written with underscores."""
    status = what[0]
    extra = "".join(f" hdr {name.replace('_', '-')} '{value}'" for name, value in headers.items())
    return f"  http-request return status {status} content-type application/json lf-string {body(*what)}{extra} {condition}"


def errors() -> list[str]:
    """The `http-error` lines for what HAProxy answers by itself."""
    lines = []
    for status, (code, message, retry) in FOUND_BY_HAPROXY.items():
        wait = f" hdr Retry-After {retry}" if retry else ""
        lines.append(f"  http-error status {status} content-type application/json lf-string {body(status, code, message)}{wait}")
    return lines
