"""A service's pages in Chromium: charts that are drawn and read, and calls made from a form."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.deployments.test_traffic import call, count
from tests.factories import make_image, make_manifest, make_service
from tests.frontend.test_browser import browser, visit

__all__ = ["browser", "visit"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
DRIVER = b"def init():\n    pass\n\n\ndef run(rows):\n    return rows\n"
COLUMNS = [{"name": "length", "dtype": "float64"}, {"name": "kind", "dtype": "text"}]
SCHEMA = {
    "input": {"rows": {"type": 3, "internal": {"columns": COLUMNS}, "swagger": {"example": [{"length": 1.5, "kind": "a"}]}}},
}


@pytest.fixture
def service(group, things):
    manifest = make_manifest(group, name="rows", models=[], driver=DRIVER, schema=("service_schema.json", json.dumps(SCHEMA).encode()))
    return make_service(group, name="rows", image=make_image(group, name="rows", manifest=manifest), environment=things.environment)


@pytest.fixture
def opened(visit, service, settings):
    """opened(address, answers): the page, what the gateway was sent, and faults on the console. `answers` stand for the gateway's."""

    def open_page(address: str, answers=(), **options):
        page, sent, faults = visit(**options), [], []
        left = list(answers)

        def gateway(route):
            headers = {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "X-Request-Id",
                "X-Request-Id": f"id-{len(sent)}",
            }
            if route.request.method == "OPTIONS":
                return route.fulfill(status=204, headers={**headers, "Access-Control-Allow-Headers": "*"})
            sent.append((json.loads(route.request.post_data), route.request.headers))
            status, body = left.pop(0)
            return route.fulfill(status=status, headers=headers, content_type="application/json", body=json.dumps(body))

        page.route(f"{settings.GATEWAY_URL}/**", gateway)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"/g/demo/services/rows/{address}")
        return page, sent, faults

    return open_page


def test_charts_are_drawn_told_as_tables_and_zoomed_by_the_address(opened, service):
    count(*(call(service, status=status) for status in (200, 200, 404, 500)))
    page, _, faults = opened("metrics?range=15m&compare=1", color_scheme="dark")
    expect(page.locator(".chart canvas")).to_have_count(8)
    chart = page.locator("[data-chart=calls]")
    chart.get_by_role("button", name="Table").click()
    expect(chart.get_by_role("columnheader", name="failed")).to_be_visible()
    expect(chart.get_by_role("columnheader", name="all, before")).to_be_visible()
    expect(chart.locator("canvas")).to_have_count(0)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    over = page.locator("[data-chart=latency] .u-over").bounding_box()
    page.mouse.move(over["x"] + 40, over["y"] + 60)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] / 2, over["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url("**/metrics?*from=*")
    expect(page.locator(".chart canvas")).to_have_count(8)
    assert len(asked) == 1, "charts that share a selection ask for one page, not for one each"
    assert not faults


def test_a_form_is_filled_pasted_into_and_sent(opened, service):
    page, sent, faults = opened("try", [(200, [{"class": "b", "share": 0.5}, {"class": "c", "share": 1}])])
    expect(page.get_by_label("length, row 1")).to_have_value("1.5")
    page.get_by_role("button", name="Add row").click()
    page.get_by_label("length, row 2").focus()
    page.evaluate(
        """() => { const data = new DataTransfer(); data.setData("text", "2\\tx\\n3.5\\ty\\n");
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})); }"""
    )
    expect(page.get_by_label("kind, row 3")).to_have_value("y")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="200 OK")).to_be_visible()
    expect(page.get_by_role("cell", name="0.5")).to_be_visible()
    [(body, headers)] = sent
    assert body == {"rows": [{"length": 1.5, "kind": "a"}, {"length": 2, "kind": "x"}, {"length": 3.5, "kind": "y"}]}
    assert headers["authorization"].startswith("Bearer mps_") and "cookie" not in headers
    expect(page.get_by_role("link", name="id-0")).to_have_attribute("href", "/g/demo/services/rows/logs?q=id-0")
    page.get_by_role("button", name="Raw").click()
    expect(page.locator(".try-shown pre")).to_contain_text('"share": 0.5')
    page.get_by_role("button", name="Save as golden request").click()
    page.get_by_label("Name", exact=True).fill("three rows")
    page.get_by_role("button", name="Save request").click()
    expect(page.get_by_text("three rows")).to_be_visible()
    golden = service.golden_requests.get()
    assert (json.loads(golden.body), json.loads(golden.expected)[0]["share"]) == (body, 0.5)
    assert not faults


def test_faults_stand_at_their_fields_and_lines_and_html_stays_text(opened):
    refusal = {
        "code": "BadInput",
        "message": "Wrong.",
        "details": [{"code": "WrongType", "message": "expected a number", "pointer": "/rows/0/length"}],
    }
    page, _, faults = opened("try", [(400, refusal), (200, "<img src=x onerror=alert(1)>")])
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("expected a number")
    expect(page.get_by_label("length, row 1")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="JSON", exact=True).click()
    editor = page.get_by_role("textbox", name="Request body")
    editor.fill('{"rows": [\n {"length": "long", "kind": "a"}]}')
    expect(page.locator(".cm-lintRange-error")).to_have_text('"long"')
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".try-shown")).to_contain_text("<img src=x")
    assert page.locator(".try-shown img").count() == 0
    page.get_by_role("button", name="200 ·").or_(page.get_by_role("button", name="400 ·")).first.click()
    assert not faults


def test_an_example_is_kept_shared_and_used(opened, service):
    page, _, faults = opened("try")
    page.get_by_label("length, row 1").fill("7")
    page.get_by_text("Examples").click()
    page.get_by_label("Keep this request as").fill("seven")
    page.get_by_label("Share it with the group").check()
    page.get_by_role("button", name="Save example").click()
    expect(page.get_by_role("button", name="seven shared")).to_be_visible()
    assert json.loads(service.examples.get().body)["rows"][0]["length"] == 7
    page.get_by_role("button", name="Sample").click()
    expect(page.get_by_label("length, row 1")).to_have_value("1.5")
    page.get_by_text("Examples").click()
    page.get_by_role("button", name="seven shared").click()
    expect(page.get_by_label("length, row 1")).to_have_value("7")
    assert not faults
