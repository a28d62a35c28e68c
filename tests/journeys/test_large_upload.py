"""1 GiB through the page: paused, the page reloaded, the server killed in the middle; the version has the right hash."""

from __future__ import annotations

import functools
import hashlib
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import expect as expect_soon

from tests.live_portal import LivePortal, live_portal
from tests.real_parts import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
MIB = 2**20
GIB = 2**30
#: milliseconds for what a busy machine does in one
LONG = 120_000


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with live_portal(tmp_path_factory.mktemp("portal"), pages=True) as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> tuple[Path, str]:
    """A sparse file that says something different every 64 MiB, and its SHA-256."""
    path = tmp_path_factory.mktemp("model") / "large.bin"
    with open(path, "wb") as file:
        for index in range(16):
            file.seek(index * 64 * MIB)
            file.write(b"part %d" % index)
        file.truncate(GIB)
    with open(path, "rb") as file:
        return path, hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def page(portal, browser):
    context = browser.new_context(base_url=portal.url)
    context.add_cookies([{"name": "modelport", "value": portal.session(), "url": portal.url}])
    context.set_default_timeout(LONG)
    yield context.new_page()
    context.close()


class expect:
    """Playwright's expectations, with the time that a busy machine needs."""

    def __init__(self, what: Locator):
        self.what = what

    def __getattr__(self, name: str):
        return functools.partial(getattr(expect_soon(self.what), name), timeout=LONG)


def arrived(portal: LivePortal) -> int:
    return sum(path.stat().st_size for path in portal.staged())


def wait_for(portal: LivePortal, bytes_there: int) -> None:
    deadline = time.monotonic() + 60
    while arrived(portal) < bytes_there:
        assert time.monotonic() < deadline, f"{arrived(portal)} bytes arrived"
        time.sleep(0.01)


def choose(page: Page, path: Path) -> None:
    page.locator("input[name=files]").set_input_files(path)


def test_a_gibibyte_survives_a_pause_a_reload_and_a_killed_server(portal, page, model):
    path, digest = model
    page.goto("/g/demo/models/new")
    choose(page, path)
    page.get_by_label("Description").fill("Typed while bytes moved.")
    wait_for(portal, 50 * MIB)
    page.get_by_role("button", name="Pause large.bin").click()
    expect(page.locator(".upload-state")).to_contain_text("Paused")
    before = arrived(portal)
    assert 50 * MIB <= before < GIB

    page.reload()
    expect(page.get_by_text("(1.0 GiB) stopped at")).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_label("Description")).to_have_value("Typed while bytes moved.")
    expect(page.locator(".upload-state")).to_contain_text("Choose the file again")
    choose(page, path)
    wait_for(portal, min(before + 200 * MIB, GIB - 100 * MIB))
    portal.kill_and_restart()
    assert 0 < arrived(portal) < GIB

    expect(page.locator(".upload[data-state=stored]")).to_contain_text(f"SHA-256 {digest[:12]}")
    page.get_by_role("button", name="Register model").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("large:1")
    with portal.client() as client:
        version = client.get("/api/v1/groups/demo/models/large:1/").json()
        assert [(file["size"], file["sha256"]) for file in version["files"]] == [(GIB, digest)]
        assert version["description"] == "Typed while bytes moved."
        assert client.get("/api/v1/groups/demo/uploads/").json() == []
    assert portal.staged() == []


def test_signed_out_in_the_middle_the_upload_is_kept_and_goes_on(portal, page, tmp_path):
    path = tmp_path / "away.bin"
    path.write_bytes(b"kept")
    page.goto("/g/demo/models/new")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    choose(page, path)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You are signed out")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_contain_text("not signed in yet")
    page.context.add_cookies([{**cookie, "value": portal.session()} if cookie["name"] == "modelport" else cookie for cookie in cookies])
    dialog.get_by_role("button", name="Go on").click()
    expect(page.locator(".upload[data-state=stored]")).to_contain_text("away.bin")


def test_a_file_that_changes_while_it_uploads_is_said(portal, page, tmp_path):
    path = tmp_path / "growing.bin"
    path.write_bytes(b"one")
    page.goto("/g/demo/models/new")
    page.route("**/uploads/", lambda route: (path.write_bytes(b"another length"), route.continue_()))
    choose(page, path)
    expect(page.locator(".upload.failed")).to_contain_text("changed while it was uploading")


def test_a_folder_of_many_files_deep_and_oddly_named(portal, page, tmp_path):
    """Small files share requests; names with quotes, emoji and right-to-left letters, 18 folders deep, and an empty file among them."""
    folder = tmp_path / "net"
    deep = folder.joinpath(*(f"level-{number}" for number in range(17)))
    deep.mkdir(parents=True)
    odd = ['größe "quoted" 🙂.bin', "نموذج.bin", "it's <b>.bin", "100%.bin", "empty"]
    for number in range(300):
        (folder / f"part-{number:03}.bin").write_bytes(b"part %d" % number)
    for name in odd:
        (deep / name).write_bytes(b"" if name == "empty" else name.encode())
    requests = []
    page.on("request", lambda request: requests.append(request) if "/files/" in request.url else None)
    page.goto("/g/demo/models/new")
    page.locator("input[data-kind=folder]").set_input_files(folder)
    expect(page.locator("[data-total]")).to_contain_text("305 files")
    expect(page.locator("[data-total]")).to_contain_text("all stored")
    expect(page.locator("[data-more]")).to_have_text("and 105 more files")
    assert len(requests) < 20
    page.get_by_role("button", name="Register model").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("net:1")
    with portal.client() as client:
        files = {file["path"]: file["sha256"] for file in client.get("/api/v1/groups/demo/models/net:1/").json()["files"]}
        assert len(files) == 305 and len(client.get("/api/v1/groups/demo/models/?name=net").json()["value"]) == 1
    prefix = "/".join(f"level-{number}" for number in range(17))
    for name in odd:
        assert files[f"{prefix}/{name}"] == hashlib.sha256(b"" if name == "empty" else name.encode()).hexdigest()
