"""The gateway's own answers, as configuration text: the one error shape, with the request's id in it."""

from __future__ import annotations

import json

#: status -> (code, message, seconds to wait before trying again): what HAProxy itself finds out. What does not parse (400)
#: and headers that do not arrive (408) are answered before there is a call, with a text that is built into HAProxy: no `http-error`,
#: `errorfile` or `http-errors` reaches it (2.8, src/mux_h1.c). The 400 and 408 here are of a body that is not whole.
FOUND_BY_HAPROXY = {
    400: ("BadRequest", "The request is not HTTP as it should be.", 0),
    408: ("RequestTimeout", "The request did not arrive in time.", 0),
    500: ("InternalServerError", "The gateway failed on this call.", 0),
    502: ("BadGateway", "The service closed the connection without an answer.", 1),
    503: ("Unavailable", "No replica of this service answers now. Try again.", 2),
    504: ("Timeout", "The service did not answer in time.", 0),
}
NOT_FOUND = (404, "NotFound", "There is no such service here. Services are called at /<group>/<service>/score.")
#: `~` is the service's own `<group>/<service>`, which is known by then and so written as it should be
NO_PATH = (404, "NotFound", "There is nothing at this path. The service is called at /~/score and described at /~/openapi.json.")
NO_POST = (405, "MethodNotAllowed", "Nothing is sent here. The service is called at /~/score.")
NO_KEY = "A valid key of this service is needed: Authorization: Bearer <key>."
WRONG_KEY = "This is no key of this service, or one that has expired. It goes into one header, Authorization: Bearer <key>."
STARTING = (503, "starting", "The service is starting. Try again.")
STOPPED = (503, "stopped", "The service is stopped.")
TOO_LARGE = (413, "TooLarge", "The request body is larger than this service accepts.")
ORIGIN_REFUSED = (403, "OriginNotAllowed", "Pages of this origin may not call this service.")
METHOD_REFUSED = (405, "MethodNotAllowed", "Only GET, HEAD and POST are answered here.")


def body(status: int, code: str, message: str) -> str:
    """One quoted `lf-string`: `%` starts a variable there, and a single quote would end it."""
    text = json.dumps({"code": code, "message": message, "statusCode": status, "requestId": "@", "details": []})
    return (
        "'" + text.replace("%", "%%").replace("'", "\\u0027").replace('"@"', '"%[var(txn.rid)]"').replace("/~/", "/%[var(txn.name)]/") + "'"
    )


def unauthorized(public: str, page: str) -> list[str]:
    """Without a good key. `page` is where people read about the service, a format with its name in it; empty where there is none.

    Only calls of a service that is there come here: for all others there was a 404 before, so that the page's address tells nothing new.
    """
    read = " Read about it at @page (for who has an account)." if page else ""
    link = {"Link": f'<{page}>; rel="service-doc", <{page}>; rel="help"'} if page else {}
    missing = f"if !{public} !{{ var(txn.key) -m found }}"
    sent = "{ req.fhdr_cnt(authorization) gt 0 }"
    # RFC 6750, 3.1: who sent no key is told of no error.
    lines = [
        answer(
            (401, "Unauthorized", WRONG_KEY + read),
            f"{missing} {sent}",
            WWW_Authenticate='Bearer realm="modelport", error="invalid_token"',
            **link,
        ),
        answer((401, "Unauthorized", NO_KEY + read), missing, WWW_Authenticate='Bearer realm="modelport"', **link),
    ]
    return [line.replace("@page", page) for line in lines]


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
