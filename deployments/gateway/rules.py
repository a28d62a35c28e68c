"""The constant part of the configuration: the rules every call passes, in order.

Nothing of a service is written here. Services, keys, origins and weights are
looked up in map files, which can be changed while HAProxy runs.
"""

from __future__ import annotations

from deployments.gateway import answers
from deployments.gateway.settings import GatewaySettings

#: the fields of one log line, in order, as `deployments.telemetry.lines` reads them
LOG_FIELDS = (
    "%[var(txn.start)]",
    "%[var(txn.service)]",
    "%b",
    "%s",
    "%[var(txn.key)]",
    "%[method]",
    "%[var(txn.class)]",
    "%ST",
    "%U",
    "%B",
    "%[date(0,us),sub(txn.start)]",
    "%tsc",
    "%[var(txn.rid)]",
)
LOG_MARK = "call1"


def top(settings: GatewaySettings, structure: str, hard_stop: int) -> list[str]:
    """`structure` names what cannot change without a reload; `hard_stop` is how long an old worker may finish calls, in seconds."""
    log = bool(settings.log_address)
    lines = [
        "global",
        "  default-path config",
        f"  description structure={structure}",
        f"  stats socket {settings.stats_socket} mode 600 level admin expose-fd listeners",
        f"  hard-stop-after {hard_stop}s",
        # More than this is never needed on one host, and an unlimited shell would make HAProxy reserve tables for a million.
        "  fd-hard-limit 65536",
        "",
    ]
    if log:
        lines += [
            "ring calls",
            "  format rfc5424",
            "  maxlen 2048",
            f"  size {settings.log_buffer}",
            "  timeout connect 2s",
            "  timeout server 60s",
            f"  server receiver {settings.log_address} log-proto octet-count",
            "",
        ]
    lines += [
        "defaults",
        "  mode http",
        *(["  log ring@calls len 2048 format rfc5424 local0 info"] if log else []),
        "  option dontlognull",
        # A clear-text connection cannot turn itself into HTTP/2: one protocol less to get wrong.
        "  option disable-h2-upgrade",
        # An idle connection of a worker that is being replaced is closed with its next answer, not under the caller's feet.
        "  option idle-close-on-response",
        "  option redispatch 1",
        "  retries 3",
        f"  timeout http-request {settings.header_timeout}s",
        f"  timeout http-keep-alive {settings.idle_timeout}s",
        f"  timeout client {settings.client_timeout}s",
        "  timeout connect 2s",
        "  timeout queue 5s",
        "  timeout check 5s",  # a refused connection is noticed at once; a machine short of time is not a dead replica
        f"  timeout server {settings.timeout + settings.timeout_grace}s",
        *answers.errors(),
        "",
    ]
    return lines


def frontend(settings: GatewaySettings) -> list[str]:
    public = "{ var(txn.route),field(3,|) -m str public }"
    portal = settings.origin
    one_origin = "{ req.fhdr_cnt(origin) eq 1 }"
    line = " ".join((LOG_MARK, *LOG_FIELDS))
    return [
        "frontend calls",
        f"  bind {settings.host}:{settings.port}",
        *([f'  log-format "{line}"'] if settings.log_address else []),
        "",
        "  # who asks for what",
        "  http-request set-var(txn.start) date(0,us)",
        "  http-request set-var(txn.class) str(other)",
        "  http-request set-var(txn.rid) uuid()",
        "  http-request set-var(txn.rid) req.fhdr(x-request-id) if { req.fhdr_cnt(x-request-id) eq 1 } "
        "{ req.fhdr(x-request-id) -m reg '^[A-Za-z0-9._:-]{1,100}$' }",
        "  http-request set-var-fmt(txn.name) %[path,field(2,/)]/%[path,field(3,/)]",
        "  http-request set-var(txn.route) var(txn.name),map(services.map)",
        "  http-request set-var(txn.service) var(txn.route),field(1,|)",
        "  http-request set-var-fmt(txn.pair) %[var(txn.service)]|%[req.fhdr(origin)]",
        *(
            [f"  http-request set-var(txn.origin) req.fhdr(origin) if {one_origin} {{ req.fhdr(origin) -m str {portal} }}"]
            if portal
            else []
        ),
        f"  http-request set-var(txn.origin) req.fhdr(origin) if {one_origin} {{ var(txn.pair),map(origins.map) -m found }}",
        answers.answer(answers.NOT_FOUND, "if !{ var(txn.service) -m found }"),
        "",
        "  # browsers ask first; only the portal's pages and the service's own are answered",
        "  http-request return status 204 hdr Access-Control-Allow-Methods 'GET, HEAD, POST' "
        "hdr Access-Control-Allow-Headers 'Authorization, Content-Type, X-Request-Id' hdr Access-Control-Max-Age 600 "
        "if METH_OPTIONS { var(txn.origin) -m found } { req.fhdr_cnt(access-control-request-method) eq 1 }",
        answers.answer(answers.ORIGIN_REFUSED, "if METH_OPTIONS"),
        answers.answer(answers.METHOD_REFUSED, "if !METH_GET !{ method POST }", Allow="GET, HEAD, POST"),
        "",
        "  # the service's own addresses; whatever is not named here does not exist outside (readyz, metrics, collected ...)",
        "  http-request replace-path '^/[^/]+/[^/]+/?(.*)$' '/\\1'",
        "  acl document path /swagger.json /openapi.json",
        "  acl protocol path_reg '^/v2(/[A-Za-z0-9_-][A-Za-z0-9._:-]*)*/?$'",
        answers.answer(answers.NO_PATH, "if !{ path / } !{ path /score } !document !protocol"),
        answers.answer(answers.NO_POST, "if { method POST } !{ path /score } !protocol", Allow="GET, HEAD"),
        "  http-request set-var(txn.class) str(score) if { path /score } or { path_reg '^/v2/.*/infer$' }",
        "  http-request set-var(txn.class) str(swagger) if document",
        "",
        "  # the key: one header, looked up as service/hash, so that another service's key is simply not there",
        "  http-request set-var-fmt(txn.lookup) %[var(txn.service)]/%[http_auth_bearer,sha2(256),hex,lower] "
        # The whole value is looked at: HAProxy's own reading stops at a comma, and would take the first of two keys in one line.
        "if { req.fhdr_cnt(authorization) eq 1 } { req.fhdr(authorization) -m reg -i '^bearer +[a-z0-9_-]{1,200} *$' }",
        "  http-request set-var(txn.entry) var(txn.lookup),map(keys.map)",
        "  http-request set-var(txn.expires) var(txn.entry),field(2,|)",
        "  http-request set-var(txn.key) var(txn.entry),field(1,|) if { date,neg,add(txn.expires) gt 0 }",
        *answers.unauthorized(public, settings.service_page),
        "",
        "  # can it be answered now",
        answers.answer(answers.STOPPED, "if { var(txn.route),field(2,|) -m str stopped }", Retry_After="30"),
        answers.answer(answers.STARTING, "if { var(txn.route),field(2,|) -m str starting }", Retry_After="2"),
        "  http-request set-var(txn.limit) var(txn.route),field(4,|)",
        answers.answer(answers.TOO_LARGE, "if { req.fhdr(content-length),neg,add(txn.limit) lt 0 }"),
        "",
        "  # what the replica must not see, and what it must",
        "  http-request del-header authorization",
        "  http-request del-header proxy-authorization",
        "  http-request del-header cookie",
        "  http-request del-header upgrade",
        "  http-request del-header '^x[-_]modelport[-_]' -m reg",
        "  http-request set-header X-Request-Id %[var(txn.rid)]",
        "",
        "  # which revision: by weight where several share the calls",
        "  http-request set-var(txn.backend) var(txn.route),field(5,|)",
        "  http-request set-var-fmt(txn.slot) %[var(txn.service)]/%[rand(100)]",
        "  http-request set-var(txn.split) var(txn.slot),map(splits.map)",
        "  http-request set-var(txn.backend) var(txn.split) if { var(txn.split) -m found }",
        "  use_backend %[var(txn.backend)]",
        # Asked by nobody: naming it here loads it, and the control socket reads from it what this process serves.
        "  acl generation str(generation),map(generation.map) -m found",
        "",
        "  # answers are data on an origin of their own: no cookies, no pages, nothing that speaks for the whole host",
        *(
            f"  http-after-response del-header {name}"
            for name in ("set-cookie", "set-cookie2", "strict-transport-security", "clear-site-data", "alt-svc", "refresh")
        ),
        "  http-after-response del-header service-worker-allowed",
        "  http-after-response del-header '^x[-_]modelport[-_]' -m reg",
        "  http-after-response set-header X-Request-Id %[var(txn.rid)] if { var(txn.rid) -m found }",
        "  http-after-response set-header X-Content-Type-Options nosniff",
        "  http-after-response set-header Content-Security-Policy sandbox",
        # Only the gateway says who may read: a preflight's own two headers are kept, a replica's are not.
        "  http-after-response del-header access-control-allow-origin",
        "  http-after-response del-header access-control-allow-credentials",
        "  http-after-response del-header access-control-expose-headers",
        "  http-after-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m found }",
        "  http-after-response set-header Access-Control-Expose-Headers 'X-Request-Id, Retry-After, Link' if { var(txn.origin) -m found }",
        "  http-after-response add-header Vary Origin",
        "",
    ]
