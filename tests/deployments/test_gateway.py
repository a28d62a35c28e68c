"""What a caller gets from the gateway, row by row, with a real HAProxy and real replicas."""

from __future__ import annotations

import json
import socket
import time

import pytest

from tests.deployments.gateway_parts import KEY, OTHER_KEY, PORTAL, Edge, Upstream, backend, iris, key_route, other, until


@pytest.fixture(scope="module")
def replica():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def stranger():
    upstream = Upstream("o0", "team/other", 7, "other-secret")
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def edge(tmp_path_factory, replica, stranger):
    edge = Edge(tmp_path_factory.mktemp("edge") / "gateway")
    edge.gateway.ensure_initial()
    edge.start()
    edge.usual = (iris(backend(replica), allowed_origins=("https://shop.example",)), other(backend(stranger)))
    yield edge
    edge.stop()


@pytest.fixture(autouse=True)
def usual(edge, replica, stranger):
    """Every test begins with both services served and both replicas without history."""
    edge.apply(*edge.usual)
    for upstream in (replica, stranger):
        upstream.seen.clear()
        upstream.delay, upstream.hang_up, upstream.headers = 0.0, False, []


def refused(answer, status: int, code: str) -> dict:
    """The one error shape, and the headers every answer carries."""
    assert answer.status == status, answer
    error = answer.json
    assert set(error) == {"code", "message", "statusCode", "requestId", "details"}
    assert (error["code"], error["statusCode"], error["details"]) == (code, status, [])
    assert error["message"] and error["requestId"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    return error


def test_a_call_with_its_key_reaches_the_replica_without_the_prefix(edge, replica):
    answer = edge.call(body=b'{"x": 1}')
    assert answer.status == 200
    assert answer.json == {"replica": "r0", "service": "demo/iris", "body": '{"x": 1}'}
    assert replica.seen[-1][:2] == ("POST", "/score")


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/demo/iris", "/"),
        ("/demo/iris/", "/"),
        ("/demo/iris/score?verbose=1", "/score?verbose=1"),
        ("/demo/iris/v2/models/iris/infer",) * 2,
    ],
)
def test_addresses_of_a_service(edge, replica, path, arrives):
    assert edge.call(path).status == 200
    assert replica.seen[-1][1] == arrives.removeprefix("/demo/iris")


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        ["Bearer"],
        ["Bearer "],
        ["Bearer wrong"],
        [f"Bearer {KEY[:-1]}"],
        [f"Bearer {KEY.upper()}"],
        [f"Bearer {OTHER_KEY}"],
        [f"Basic {KEY}"],
        [KEY],
        [f"Bearer {KEY}", f"Bearer {KEY}"],
        [f"Bearer {KEY}", "Bearer wrong"],
        [f"Bearer {KEY}, Bearer {KEY}"],
        [f"Bearer {KEY},"],
        [f"Bearer {KEY} {KEY}"],
        ["Bearer " + "x" * 10_000],
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/demo/iris/score", "/demo/iris/swagger.json", "/demo/iris/openapi.json", "/demo/iris/"])
def test_only_the_services_own_key_opens_it(edge, replica, authorization, path):
    answer = edge.call(path, key=None, headers=[("Authorization", value) for value in authorization])
    refused(answer, 401, "Unauthorized")
    error = ', error="invalid_token"' if authorization else ""
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="modelport"{error}'
    page = f"{PORTAL}/g/demo/services/iris/docs"
    assert answer.headers["Link"] == f'<{page}>; rel="service-doc", <{page}>; rel="help"' and page in answer.json["message"]
    assert replica.seen == []


def test_a_key_in_the_query_is_no_key(edge, replica):
    refused(edge.call(f"/demo/iris/score?key={KEY}&access_token={KEY}", key=None), 401, "Unauthorized")
    assert replica.seen == []


def test_the_scheme_is_not_case_sensitive(edge):
    assert edge.call(key=None, headers=[("authorization", f"bearer {KEY}")]).status == 200


def test_a_key_ends_at_its_time(edge, replica):
    for seconds in (5, 30):  # a busy machine may need the shorter time to take the routes
        ends = int(time.time()) + seconds
        keys = (
            key_route("mps_past", "past", ends - seconds - 1),
            key_route("mps_soon", "soon", ends),
            key_route("mps_later", "later", ends + 900),
        )
        edge.apply(iris(backend(replica), keys=keys))
        found = [edge.call(key=key).status for key in ("mps_past", "mps_soon", "mps_later")]
        if time.time() < ends:
            break
    assert found == [401, 200, 200]
    until(lambda: time.time() > ends, "the key's time is over", 40)
    refused(edge.call(key="mps_soon"), 401, "Unauthorized")
    assert edge.call(key="mps_later").status == 200


def test_a_public_service_needs_no_key(edge, replica):
    edge.apply(iris(backend(replica), access="public"))
    assert edge.call(key=None).status == 200
    assert edge.call(key="wrong").status == 200
    assert replica.header("Authorization") == []


@pytest.mark.parametrize("path", ["/", "/demo", "/demo/", "/demo/none/score", "/team/iris/score", "/score", "/DEMO/iris/score", "*"])
def test_unknown_services(edge, path):
    answer = edge.call(path)
    message = refused(answer, 404, "NotFound")["message"]
    assert "/<group>/<service>/score" in message and "/g/" not in message and answer.headers["Link"] is None


@pytest.mark.parametrize("path", ["readyz", "livez", "metrics", "collected", "collected?after=1", "readyz/", "score/", "admin", "v2x"])
@pytest.mark.parametrize("key", [KEY, None])
def test_inner_addresses_do_not_exist_outside(edge, replica, path, key):
    message = refused(edge.call(f"/demo/iris/{path}", key=key), 404, "NotFound")["message"]
    assert " /demo/iris/score " in message and replica.seen == []


@pytest.mark.parametrize("path", ["", "/", "/openapi.json"])
def test_data_that_is_sent_beside_the_address_is_told_it(edge, replica, path):
    answer = edge.call(f"/demo/iris{path}", method="POST", body=b"{}")
    assert " /demo/iris/score." in refused(answer, 405, "MethodNotAllowed")["message"] and answer.headers["Allow"] == "GET, HEAD"
    assert replica.seen == []


@pytest.mark.parametrize(
    "path",
    [
        "//demo/iris/score",
        "/demo//iris/score",
        "/demo/iris//score",
        "/demo/iris//readyz",
        "/./demo/iris/score",
        "/demo/../team/other/score",
        "/demo/iris/../../team/other/score",
        "/demo/iris/../other/score",
        "/demo/iris/./score",
        "/demo/iris/v2/../readyz",
        "/demo/iris/v2/./../../team/other/score",
        "/demo/iris/v2//readyz",
        "/demo/iris/v2/%2e%2e/readyz",
        "/demo/iris/%2e%2e/%2e%2e/team/other/score",
        "/demo/iris%2fscore",
        "/demo%2firis/score",
        "/demo/iris/..%2f..%2fteam/other/score",
        "/demo/iris/%72eadyz",
        "/demo/iris/%2freadyz",
        "/demo/iris/readyz;score",
        "/demo/iris/score;/../readyz",
        "/demo/iris\\..\\..\\team\\other\\score",
        "/demo/iris/%00",
        "/demo/iris|running|public/score",
        "/demo/iris/v2/..%252f..%252freadyz",
    ],
)
def test_path_tricks_lead_nowhere(edge, replica, stranger, path):
    refused(edge.call(path), 404, "NotFound")
    assert replica.seen == [] and stranger.seen == []


def test_an_absolute_address_is_read_as_its_path(edge, replica, stranger):
    assert edge.call("http://elsewhere.example/demo/iris/score").status == 200
    refused(edge.call("http://demo/iris/score"), 404, "NotFound")
    assert len(replica.seen) == 1 and stranger.seen == []


def test_each_service_gets_its_own_secret_whatever_the_caller_sends(edge, replica, stranger):
    smuggled = [
        ("X-Modelport-Secret", "other-secret"),
        ("x-modelport-secret", "iris-secret"),
        ("X_Modelport_Secret", "other-secret"),
        ("X-Modelport-Service", "team/other"),
        ("Connection", "X-Modelport-Secret"),
    ]
    assert edge.call(headers=smuggled).json["service"] == "demo/iris"
    assert replica.header("X-Modelport-Secret") == ["iris-secret"]
    assert replica.header("X_Modelport_Secret") == replica.header("X-Modelport-Service") == []
    assert edge.call("/team/other/score", key=OTHER_KEY, headers=smuggled).json["service"] == "team/other"
    assert stranger.header("X-Modelport-Secret") == ["other-secret"]


def test_the_callers_key_and_cookies_never_arrive(edge, replica):
    assert edge.call(headers=[("Cookie", "sessionid=1"), ("Proxy-Authorization", "Basic x"), ("Upgrade", "websocket")]).status == 200
    names = {name.lower() for name, _ in replica.seen[-1][2]}
    assert not names & {"authorization", "cookie", "proxy-authorization", "upgrade"}
    assert KEY not in str(replica.seen)


def test_answers_set_no_cookies_and_speak_only_for_themselves(edge, replica):
    replica.headers = [
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Content-Security-Policy", "default-src *"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("X-Modelport-Secret", "iris-secret"),
        ("X-Mine", "kept"),
    ]
    answer = edge.call()
    assert answer.status == 200 and answer.headers["X-Mine"] == "kept"
    assert answer.headers.get_all("Content-Security-Policy") == ["sandbox"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    names = (
        "Set-Cookie",
        "Strict-Transport-Security",
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "X-Modelport-Secret",
    )
    assert [answer.headers[name] for name in names] == [None] * 5


def test_a_sane_request_id_is_kept_from_end_to_end(edge, replica):
    answer = edge.call(headers=[("X-Request-Id", "order-17:a.b_c")])
    assert answer.headers.get_all("X-Request-Id") == ["order-17:a.b_c"] == replica.header("X-Request-Id")
    assert edge.call("/none/none", headers=[("X-Request-Id", "mine")]).json["requestId"] == "mine"


@pytest.mark.parametrize("sent", [[], ["x" * 101], ['a"b'], ["a b"], ["%[env(HOME)]"], ["a", "b"], ["<script>"]], ids=str)
def test_any_other_request_id_is_replaced(edge, replica, sent):
    answer = edge.call(headers=[("X-Request-Id", value) for value in sent])
    (made,) = answer.headers.get_all("X-Request-Id")
    assert len(made) == 36 and made not in sent and replica.header("X-Request-Id") == [made]


def test_states_are_told_apart_and_only_to_those_with_a_key(edge, replica):
    edge.apply(iris(state="starting"))
    answer = edge.call()
    refused(answer, 503, "starting")
    assert int(answer.headers["Retry-After"]) > 0
    refused(edge.call(key=None), 401, "Unauthorized")
    edge.apply(iris(backend(replica), state="stopped"))
    answer = edge.call()
    refused(answer, 503, "stopped")
    assert int(answer.headers["Retry-After"]) > 0
    edge.apply(iris())
    refused(edge.call(), 503, "starting")


def test_too_large_by_its_declared_length(edge, replica):
    assert edge.call(body=b"x" * 1000).status == 200
    refused(edge.call(body=b"x" * 1001), 413, "TooLarge")
    with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as raw:
        head = f"POST /demo/iris/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {2**62}\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413")
    assert len(replica.seen) == 1


def test_slow_is_504(edge, replica):
    edge.apply(iris(backend(replica), timeout=1))
    replica.delay = 8
    started = time.monotonic()
    refused(edge.call(), 504, "Timeout")
    assert 0.9 < time.monotonic() - started < 7


def test_a_closed_connection_is_502_and_not_sent_twice(edge, replica):
    replica.hang_up = True
    refused(edge.call(body=b"{}"), 502, "BadGateway")
    assert len(replica.seen) == 1


def test_a_repeatable_service_is_asked_again(edge, replica):
    second = Upstream("r1")
    try:
        edge.apply(iris(backend(replica, second), repeatable=True))
        replica.hang_up = True
        assert [edge.call(body=b"{}").json.get("replica") for _ in range(8)] == ["r1"] * 8
        assert len(replica.seen) > 0
    finally:
        second.stop()


def test_no_replica_answers(edge):
    dead = Upstream("dead")
    dead.stop()
    edge.apply(iris(backend(dead)))
    answer = until(lambda: (found := edge.call()).status == 503 and found, "the dead replica is noticed")
    refused(answer, 503, "Unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("origin", [PORTAL, "https://shop.example"])
def test_browsers_of_allowed_origins(edge, replica, origin):
    asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    ]
    answer = edge.call(method="OPTIONS", key=None, headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers.get_all("Access-Control-Allow-Origin") == [origin]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert replica.seen == []
    for found in (edge.call(headers=[("Origin", origin)]), edge.call(key=None, headers=[("Origin", origin)])):
        assert found.headers.get_all("Access-Control-Allow-Origin") == [origin]
        assert "X-Request-Id" in found.headers["Access-Control-Expose-Headers"]
        assert "Origin" in found.headers["Vary"]
        assert found.headers["Access-Control-Allow-Credentials"] is None


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8081", PORTAL + ".evil.example", PORTAL.upper(), "null", "*", "https://shop.example:444"]
)
def test_browsers_of_other_origins(edge, replica, origin):
    answer = edge.call(method="OPTIONS", key=None, headers=[("Origin", origin), ("Access-Control-Request-Method", "POST")])
    refused(answer, 403, "OriginNotAllowed")
    assert answer.headers["Access-Control-Allow-Origin"] is None
    assert replica.seen == []
    assert edge.call(headers=[("Origin", origin)]).headers["Access-Control-Allow-Origin"] is None


def test_a_services_own_origin_is_not_another_services(edge):
    answer = edge.call("/team/other/score", key=OTHER_KEY, headers=[("Origin", "https://shop.example")])
    assert answer.status == 200 and answer.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "BREW"])
def test_other_methods(edge, replica, method):
    refused(edge.call(method=method), 405, "MethodNotAllowed")
    assert replica.seen == []


@pytest.mark.parametrize(
    "request_text",
    [
        "POST /demo/iris/score HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /demo/iris/score HTTP/1.1\r\nHost: x\r\n{key}Content-Length: -1\r\n\r\n",
        "POST /demo/iris/score HTTP/1.1\r\nHost: x\r\n{key}X-Modelport-Secret : a\r\n\r\n",
        "POST /demo/iris/score HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: nonsense\r\n\r\n",
        "nonsense\r\n\r\n",
    ],
)
def test_what_does_not_parse_is_400(edge, replica, request_text):
    with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as raw:
        raw.sendall(request_text.format(key=f"Authorization: Bearer {KEY}\r\n").encode())
        answer = b"".join(iter(lambda: raw.recv(4000), b""))
    assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1") == 1
    assert replica.seen == []


def test_two_lengths_in_one_request_are_one_request(edge, replica, stranger):
    """Length and chunks together: the chunks count, and what would be a second request to some is not one."""
    inner = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    text = f"POST /demo/iris/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(inner) + 5}\r\n"
    probes = replica.probes
    with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as raw:
        raw.sendall((text + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner).encode())
        raw.settimeout(1)
        answer = raw.recv(4000)
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
    assert len(replica.seen) <= 1 and json.dumps(replica.seen).count("readyz") == 0 and replica.probes - probes < 20
