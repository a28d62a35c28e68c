"""Somebody who knows nothing but the portal's address, and has a model file: from the first page to a scored request."""

from __future__ import annotations

import json
import shlex
import subprocess

import joblib
import pandas
import pytest
from playwright.sync_api import expect

from tests.journeys.portal_process import PASSWORD
from tests.registry.saved_models import onnx_double

PORTAL = "process"
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
#: a first build installs scikit-learn
BUILD_MS = 300_000


def test_a_model_file_becomes_a_live_url_without_a_line_of_code(page, portal, example):
    page.goto(portal.link)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("link", name="Deploy a model").first.click()
    page.locator("input[name=model_files]").set_input_files(str(example.model))
    # It is looked at by itself: what it is, what callers send, and a name.
    found = page.locator("#found")
    expect(found).to_contain_text("Recognised: scikit-learn")
    expect(found.get_by_role("row").nth(1)).to_contain_text("sepal length")
    name = page.get_by_label("Service name")
    expect(name).to_have_value("model")
    name.fill("flowers")
    expect(page.locator("[data-name]")).to_have_text("flowers")
    page.get_by_role("button", name="Deploy", exact=True).click()
    key = page.get_by_label("Primary key", exact=True).input_value()
    expect(page.get_by_role("heading", name="It is live")).to_be_visible(timeout=BUILD_MS)
    call = page.locator("#call-curl")
    expect(call).to_contain_text(key)
    done = subprocess.run(["bash", "-c", call.inner_text()], capture_output=True, text=True, timeout=60)
    (rows,) = json.loads(shlex.split(call.inner_text())[-1]).values()
    assert json.loads(done.stdout) == list(joblib.load(example.model).predict(pandas.DataFrame(rows))), done.stderr
    assert page.faults == []


def test_an_onnx_model_is_deployed_by_one_call_with_nothing_else(portal):
    files = {"modelFiles": ("double.onnx", onnx_double())}
    made = portal.ask("POST", "/groups/demo/deploy/", 202, data={"name": "double"}, files=files)
    portal.finish(made, "/groups/demo")
    status, answer = portal.score("demo/double", made["keys"]["primary"], {"x": [[1, 2, 3], [4.5, 0, -1]]})
    assert (status, answer) == (200, [[2, 4, 6], [9, 0, -2]])
