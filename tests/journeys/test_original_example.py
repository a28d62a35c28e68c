"""The original's own example, from nothing to a scored request, in the browser, on a real engine.

Its files are as its documentation has them; they were made by running them (`original/`). The tests of this file go on
from each other, as a person does.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from tests.journeys.portal_process import PASSWORD

PORTAL = "docker"
pytestmark = [pytest.mark.browser, pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

#: the request of the original's documentation, with its columns in another order than the schema's
REQUEST = {"input_df": [{"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}]}
#: a first build installs scikit-learn
BUILD_MS = 300_000


def shot(page, name: str) -> None:
    """A picture for people, when they say where to."""
    if folder := os.environ.get("MODELPORT_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"journey-{name}.png"), full_page=True)


@pytest.fixture(autouse=True)
def no_faults(page):
    page.faults.clear()
    yield
    assert page.faults == []


@pytest.fixture(scope="module")
def kept() -> dict:
    """What one step hands to the next: the key."""
    return {}


def attach(page, part: str, *paths: Path) -> None:
    """Drops files on the part of a form that takes several, and waits until it lists them."""
    page.locator(f"input[name={part}]").set_input_files([str(path) for path in paths])
    expect(page.get_by_text(f"{len(paths)} file").first).to_be_visible()


def test_the_first_administrator_and_a_group(page, portal):
    page.goto(portal.link)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    page.locator("main").get_by_role("link", name="New group").first.click()
    page.get_by_label("Name").fill("flowers")
    page.get_by_role("button", name="Create group").click()
    expect(page).to_have_url(re.compile("/g/flowers/$"))
    expect(page.get_by_text("Getting started")).to_be_visible()


def test_a_refused_form_keeps_everything(page, portal, example):
    page.goto(f"{portal.url}/g/flowers/deploy")
    page.get_by_label("Service name").fill("half-done")
    attach(page, "model_files", example.model)
    page.locator("input[name=driver_file]").set_input_files(
        {"name": "score.py", "mimeType": "text/x-python", "buffer": b"def init():\n    pass\n"}
    )
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This needs a look")
    expect(page.locator("#id_driver_error")).to_contain_text("no function run()")
    assert page.get_by_label("Service name").input_value() == "half-done"
    assert "def init()" in page.locator("textarea[name=driver]").input_value()
    expect(page.get_by_text("Attached already")).to_contain_text("model.pkl")
    shot(page, "refused")
    # The browser itself notes on its console that the page came with status 422.
    page.faults[:] = [fault for fault in page.faults if "422" not in fault]
    for noun in ("models", "manifests", "images", "services"):
        assert portal.ask("GET", f"/groups/flowers/{noun}/", 200)["value"] == []


def test_one_form_takes_it_to_a_live_service(page, portal, example, kept):
    page.goto(f"{portal.url}/g/flowers/deploy")
    page.get_by_label("Service name").fill("iris")
    attach(page, "model_files", example.model)
    for part, name in (("driver", "score.py"), ("schema", "service_schema.json"), ("dependencies", "requirements.txt")):
        page.locator(f"input[name={part}_file]").set_input_files(str(example.folder / name))
    shot(page, "form")
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page).to_have_url(re.compile("/deploy/"))
    kept["key"] = page.get_by_label("Primary key", exact=True).input_value()
    assert kept["key"].startswith("mp_")
    page.reload()
    expect(page.get_by_label("Primary key", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Log", exact=True).first.click()
    expect(page.locator(".log li").first).to_be_visible(timeout=BUILD_MS)
    shot(page, "building")
    rollout = page.get_by_role("link", name=re.compile("^Roll out service")).first
    expect(rollout).to_be_visible(timeout=BUILD_MS)
    for step in ("Resolve packages", "Install packages", "Add model and scoring file", "Start it once and try the sample"):
        expect(page.locator(".steps-list li").filter(has_text=step)).to_be_visible()
    rollout.click()
    expect(page.get_by_text("is live at")).to_be_visible(timeout=BUILD_MS)
    shot(page, "rolled-out")


def test_the_documented_request_is_answered_through_the_gateway(page, portal, kept):
    page.goto(f"{portal.url}/g/flowers/services/iris/")
    assert page.locator("#scoring-url").inner_text() == f"{portal.gateway}/flowers/iris/score"
    assert portal.score("flowers/iris", kept["key"], REQUEST) == (200, "setosa")
    assert portal.score("flowers/iris", None, REQUEST)[0] == 401
    status, said = portal.score("flowers/iris", kept["key"], {"input_df": [{"sepal length": "long"}]})
    assert status == 400 and said["details"]


def test_both_snippets_run_as_they_stand(page, portal, kept):
    page.goto(f"{portal.url}/g/flowers/services/iris/")
    environment = {**os.environ, "MODELPORT_KEY": kept["key"]}
    line = page.locator("#snippet-curl").text_content()
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == "setosa", done.stderr
    text = page.locator("#snippet-python").text_content()
    done = subprocess.run(["python3", "-c", text], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "setosa", done.stderr
    # The observer counts them from the gateway's log.
    expect(page.locator(".spark-value").first).not_to_have_text("0", timeout=60_000)
    shot(page, "service")


def test_try_it_calls_through_the_gateway_with_a_session_key(page, portal):
    page.goto(f"{portal.url}/g/flowers/services/iris/try")
    page.get_by_role("button", name="Sample").click()
    page.get_by_role("button", name="Send").click()
    # The gateway learns of the new key in a moment; the page waits for it.
    expect(page.get_by_role("status").filter(has_text="200 OK")).to_be_visible(timeout=30_000)
    expect(page.locator(".try-shown")).to_contain_text("setosa")
    shot(page, "try-the-form")
    # The browser notes on its console each call that was refused meanwhile.
    page.faults[:] = [fault for fault in page.faults if "401" not in fault]


def test_try_it_out_on_the_swagger_page(page, portal):
    page.goto(f"{portal.url}/g/flowers/services/iris/docs")
    expect(page.locator("#swagger-key")).to_contain_text("Authorized with a session key")
    block = page.locator(".opblock-post")
    execute = block.get_by_role("button", name="Execute")
    expect(execute).to_be_visible()
    # The gateway learns of the new key in a moment.
    page.wait_for_timeout(1500)
    execute.click()
    answer = block.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text("setosa")
    shot(page, "try-it")


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of another origin, without any policy of its own."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, *args): ...


CALL = """async ([url, key, body]) => {
  const headers = {"Content-Type": "application/json", ...(key ? {Authorization: `Bearer ${key}`} : {})};
  try { return (await fetch(url, {method: "POST", headers, body: JSON.stringify(body)})).status } catch (error) { return String(error) }
}"""


def test_pages_of_another_origin_are_refused(page, portal, kept):
    url = f"{portal.gateway}/flowers/iris/score"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        page.goto(origin)
        for key in (None, kept["key"]):
            assert "Failed to fetch" in page.evaluate(CALL, [url, key, REQUEST])
        server.shutdown()
    assert any("CORS policy" in fault for fault in page.faults)
    page.faults.clear()
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    refused = httpx.options(url, headers={"Origin": origin, **asked})
    assert refused.status_code == 403 and refused.json()["code"] == "OriginNotAllowed"
    assert "access-control-allow-origin" not in refused.headers
    allowed = httpx.options(url, headers={"Origin": portal.url, **asked})
    assert allowed.status_code in (200, 204) and allowed.headers["access-control-allow-origin"] == portal.url


def test_step_by_step_model_manifest_image_service(page, portal, example):
    page.goto(f"{portal.url}/g/flowers/models/new")
    attach(page, "files", example.better)
    page.get_by_label("Name", exact=True).fill("iris")
    page.get_by_role("button", name="Register model").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("iris:2")

    page.goto(f"{portal.url}/g/flowers/manifests/new?model=iris:2")
    assert page.get_by_label("Name", exact=True).input_value() == "iris"
    page.get_by_label("Name", exact=True).fill("by-steps")
    for part, name in (("driver", "score.py"), ("schema", "service_schema.json"), ("dependencies", "requirements.txt")):
        page.locator(f"input[name={part}_file]").set_input_files(str(example.folder / name))
    page.get_by_role("button", name="Create and build image").click()
    expect(page).to_have_url(re.compile("/images/new"))

    page.get_by_role("button", name="Build image").click()
    expect(page.get_by_text("is ready")).to_be_visible(timeout=BUILD_MS)
    for step in ("Resolve packages", "Install packages"):
        expect(page.locator(".steps-list li").filter(has_text=step)).to_contain_text("Reused")
    page.get_by_role("link", name="Deploy it").click()

    assert page.get_by_label("Service name").input_value() == "by-steps"
    page.get_by_role("button", name="Deploy", exact=True).click()
    key = page.get_by_label("Primary key", exact=True).input_value()
    expect(page.get_by_text("is live at")).to_be_visible(timeout=BUILD_MS)
    assert portal.score("flowers/by-steps", key, REQUEST) == (200, "Iris-setosa")


def test_a_regenerated_key_is_shown_once(page, portal, kept):
    page.goto(f"{portal.url}/g/flowers/services/iris/keys/secondary/regenerate")
    page.get_by_role("button", name="Regenerate the secondary key").click()
    assert page.get_by_label("Secondary key", exact=True).input_value().startswith("mp_")
    page.reload()
    expect(page.get_by_label("Secondary key", exact=True)).to_have_count(0)
    shot(page, "keys")
