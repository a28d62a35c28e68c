"""The calls that people paste: they run as they stand, against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from frontend import snippets

BODIES = [
    {"input_df": [{"sepal length": 3.0, "who's": 'a "quoted" $HOME `word`\\'}]},
    {"data": [True, None, "é"]},
    {"data": []},
    None,
]


@pytest.fixture
def server():
    """Keeps what was sent: (headers, body)."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.headers, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[1]")

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
    assert received == "your input" if body is None else json.loads(received) == body
    assert headers["Authorization"] == ("Bearer mp_a_b" if access == "key" else None)
