"""What Chromium fetches of a list page with an empty cache until it has painted it, as it goes over the wire.

    python -m benchmarks.first_paint

A real web process with the static files that a first start makes; a list of 25 of 60 model versions. Takes a minute for those files.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.live_portal import LivePortal, live_portal

VERSIONS = """
from django.core.management import call_command
call_command("collectstatic", verbosity=0, interactive=False)
from portal.accounts.models import ResourceGroup, User
from registry.actions.models import register_model
from registry.storage import store_bytes
group, user = ResourceGroup.objects.get(name="demo"), User.objects.get(username="someone")
for number in range(60):
    words = {"tags": [f"week-{number}", "nightly"], "framework": "scikit-learn"}
    files = [("model.pkl", store_bytes(b"%d" % number))]
    register_model(user=user, group=group, name=f"customer-churn-{number % 20}", files=files, **words)
"""


def fetched(portal: LivePortal, cookie: str, page_path: str) -> dict:
    """Bytes by kind, headers included, of everything that was there at the first paint, and of what came later."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies([{"name": "modelport", "value": cookie, "url": portal.url}])
        page = context.new_page()
        session = context.new_cdp_session(page)
        kinds: dict[str, tuple[str, str]] = {}
        sizes: dict[str, int] = {}
        session.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: (told["type"], told["response"]["url"])}))
        session.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: round(told["encodedDataLength"])}))
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        page.goto(f"{portal.url}{page_path}", wait_until="networkidle")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        browser.close()
    rows = sorted(((sizes[key], *kinds[key]) for key in sizes if key in kinds), reverse=True)
    by_kind: dict[str, int] = {}
    for size, kind, _ in rows:
        by_kind[kind] = by_kind.get(kind, 0) + size
    largest = {url.rpartition("/")[2][:60] or "the page": size for size, _, url in rows[:8]}
    return {"page": page_path, "bytes": sum(sizes.values()), "by_kind": by_kind, "largest": largest, "first_paint_ms": round(painted)}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder, live_portal(Path(folder)) as portal:
        portal.run(VERSIONS)
        # Static names are read when the process starts.
        portal.kill_and_restart()
        cookie = portal.session()
        print(json.dumps([fetched(portal, cookie, path) for path in ("/g/demo/models/", "/g/demo/services/", "/g/demo/")], indent=1))


if __name__ == "__main__":
    main()
