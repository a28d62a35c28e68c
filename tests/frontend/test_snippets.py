"""The calls that people paste: they run as they stand, against a real server."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deployments.models import GoldenRequest, ServiceExample
from frontend import snippets
from registry.models import Manifest

BODIES = [
    {"input_df": [{"sepal length": 3.0, "who's": 'a "quoted" $HOME `word`\\'}]},
    {"data": [True, None, "é"]},
    {"data": []},
    snippets.Raw("5.1,3.5 it's \n{no} JSON"),
    None,
]


@pytest.fixture
def server():
    """Keeps what was sent: (headers, body)."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.headers, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(400 if "wrong" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"the field x is wrong" if "wrong" in self.path else b"[1]")

        def log_message(self, *words): ...

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", seen
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("access", ["key", "public"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_a_snippet_runs_when_pasted(language, body, access, server, things, settings):
    if language == "JavaScript" and not shutil.which("node"):
        pytest.skip("there is no node on PATH")
    url, seen = server
    settings.GATEWAY_URL = url
    things.service.access = access
    text = next(one.text for one in snippets.all_of(things.service, body) if one.name == language)
    command = {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"], "JavaScript": ["node", "--input-type=module", "-e"]}[language] + [
        text
    ]
    done = subprocess.run(
        command, env={**os.environ, "MODELPORT_KEY": "mp_a_b", "NO_PROXY": "*"}, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.replace(" ", "").strip() == "[1]", done.stderr
    headers, received = seen[0]
    if body is None or isinstance(body, snippets.Raw):
        # Node and the shell send the text itself; only what stands for a missing body is ours.
        assert received == (body or snippets.YOURS)
    else:
        assert json.loads(received) == body
    assert headers["Authorization"] == ("Bearer mp_a_b" if access == "key" else None)


def test_what_the_service_refuses_is_read_in_python(server, things, settings):
    settings.GATEWAY_URL = f"{server[0]}/wrong"
    text = snippets.python(things.service, {"x": 1})
    done = subprocess.run(
        [sys.executable, "-c", text], env={**os.environ, "MODELPORT_KEY": "k"}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1 and done.stderr.strip() == "the field x is wrong"


def test_without_a_schema_the_body_is_a_request_that_was_kept(browse, things, owner):
    Manifest.objects.filter(pk=things.manifest.pk).update(service_schema=None)
    page = "/g/demo/services/iris/"

    def shown() -> str:
        return html.unescape(browse(owner).get(page).content.decode())

    assert "Nothing tells what it takes" in shown() and "your input" in shown()
    kept = {"service": things.service, "created_by": owner}
    ServiceExample.objects.create(name="mine alone", body='{"secret": 1}', **kept)
    assert "secret" not in shown()
    ServiceExample.objects.create(name="a line", body="5.1,3.5", shared=True, **kept)
    assert "-d 5.1,3.5" in shown() and "the example a line" in shown()
    GoldenRequest.objects.create(name="two rows", body="[[1, 2]]", expected="[0]", **kept)
    assert "-d '[[1, 2]]'" in shown() and "the golden request two rows" in shown() and "Nothing tells" not in shown()


def test_no_kind_of_quotation_mark_ends_the_text_in_powershell(things):
    text = snippets.powershell(things.service, snippets.Raw("a\u2019; calc; '\u2018"))
    assert "$body = 'a\u2019\u2019; calc; ''\u2018\u2018'\n" in text
