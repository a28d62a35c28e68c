"""What a browser with an empty cache fetches before it paints a list: at most 150 KB, as it goes over the wire."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles.finders import find

from tests import factories

pytestmark = pytest.mark.django_db
MOST = 150_000


class Fetched(HTMLParser):
    """The addresses of styles, scripts, pictures and the sprite of icons."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        address = said.get("href") if tag in ("link", "use") else said.get("src") if tag in ("script", "img") else None
        if address:
            self.found.add(address.partition("#")[0])


def gzipped(path: str) -> int:
    """Plain http has no better encoding than this; https has Brotli, which is smaller."""
    with open(path, "rb") as file:
        return len(gzip.compress(file.read(), 9))


def test_the_first_paint_of_a_list_is_light(browse, group, owner):
    for number in range(25):
        words = {"tags": [f"week-{number}", "nightly"], "framework": "scikit-learn", "description": f"The {number}th of them."}
        factories.make_model_version(group, name=f"customer-churn-{number}", files={"a": str(number).encode()}, user=owner, **words)
    answer = browse(owner).get("/g/demo/models/", headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer["Vary"]
    page = Fetched()
    page.feed(gzip.decompress(answer.content).decode())
    paths = {address: find(address.removeprefix("/static/")) for address in page.found if address.startswith("/static/")}
    assert len(paths) >= 6 and all(paths.values()) and len(paths) == len(page.found), page.found

    weights = {address: gzipped(path) for address, path in paths.items()} | {"the page": len(answer.content)}
    assert sum(weights.values()) <= MOST, sorted(weights.items(), key=lambda pair: -pair[1])
    for path in paths.values():
        if path.endswith(".css"):
            with open(path) as file:
                fetched = [one for one in re.findall(r"url\(([^)]*)\)", file.read()) if not one.strip("\"'").startswith(("data:", "#"))]
            assert not fetched, f"{path} fetches more: {fetched}"


def test_what_is_streamed_is_not_held_back_by_compressing(browse, group, owner):
    answer = browse(owner).get("/g/demo/models/?export=csv", headers={"Accept-Encoding": "gzip"})
    assert answer.streaming and not answer.has_header("Content-Encoding")
