"""A folder of many small files through a real web process: sent, registered, shown, compared, fetched and deleted.

    python -m benchmarks.upload_folder [--files 10000]

Twice, so that there is a version to compare with, by the client that the command line has, and with `--browser` once more through
the page, in Chromium. The processor's seconds are the web process's own; they hardly depend on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2 as httpx

from benchmarks.upload import MIB, cpu_seconds
from modelport import Portal
from modelport.uploads import files_of, upload_set
from tests.live_portal import LivePortal, live_portal
from tests.real_parts import chromium

LEVELS = 18


def make_folder(folder: Path, files: int) -> Path:
    """Files of 2 to 6 KB with content of their own, up to 20 levels deep."""
    for number in range(files):
        place = folder.joinpath(*(f"level-{depth}-{number % 7}" for depth in range(number % LEVELS + 1)))
        place.mkdir(parents=True, exist_ok=True)
        (place / f"part-{number:05}.bin").write_bytes(os.urandom(2000 + number % 5 * 1000))
    return folder


class Measured:
    """{what: {seconds, portal_cpu_seconds}}"""

    def __init__(self, portal: LivePortal):
        self.portal, self.found = portal, {}

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        begun, busy = time.perf_counter(), cpu_seconds(self.portal)
        yield
        took, used = time.perf_counter() - begun, cpu_seconds(self.portal) - busy
        self.found[what] = {"seconds": round(took, 2), "portal_cpu_seconds": round(used, 2)}


def by_client(portal: LivePortal, measured: Measured, folder: Path, mark: str) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(Portal(portal.url, portal.tokens["someone"], "demo"))
        with measured.step(f"send, {mark}"):
            said = stack.enter_context(upload_set(client, files_of(folder)))
        with measured.step(f"register, {mark}"):
            client.transport.write("POST", client.path("models"), {"name": "net", "uploadSet": said})


def by_browser(portal: LivePortal, measured: Measured, folder: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(base_url=portal.url)
        context.add_cookies([{"name": "modelport", "value": portal.session(), "url": portal.url}])
        page = context.new_page()
        page.goto("/g/demo/models/new")
        page.locator("input[data-kind=folder]").set_input_files(folder, timeout=300_000)
        with measured.step("send, the page"):
            expect(page.locator("[data-total]")).to_contain_text("all stored", timeout=600_000)
        with measured.step("register, the page"):
            page.get_by_role("button", name="Register model").click()
            page.wait_for_url("**/models/net:*", timeout=120_000)
        browser.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--browser", action="store_true")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as place, live_portal(Path(place) / "data", pages=True) as portal:
        before, measured = portal.memory(), Measured(portal)
        for mark in ("first", "second"):
            by_client(portal, measured, make_folder(Path(place) / mark / "net", options.files), mark)
        rest, pages = "/api/v1/groups/demo/models/net:2", "/g/demo/models/net:2"
        web = httpx.Client(base_url=portal.url, cookies={"modelport": portal.session()}, timeout=120)
        with web, portal.client() as client:
            for what, asking, url in (
                ("page of the version", web, pages),
                ("page of a folder", web, f"{pages}?in=level-0-0/"),
                ("page that compares", web, f"{pages}/compare?with=net:1"),
                ("REST: the version", client, f"{rest}/"),
                ("REST: compared", client, f"{rest}/compare?with=net:1"),
                ("download as a zip", client, f"{rest}/download"),
            ):
                with measured.step(what):
                    asking.get(url).raise_for_status()
            with measured.step("delete"):
                client.delete("/api/v1/groups/demo/models/net:1/").raise_for_status()
        if options.browser:
            by_browser(portal, measured, make_folder(Path(place) / "third" / "net", options.files))
        growth = round((portal.memory() - before) / MIB)
        result = {"files": options.files, "load": os.getloadavg()[0], "memory_growth_mib": growth, "steps": measured.found}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
