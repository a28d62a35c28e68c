"""Whether waiting requests may go into one call is said where a manifest is looked at, once its image has been tried."""

from __future__ import annotations

import re

import pytest

from registry.models import Image


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({}, "Known once it is built."),
        ({"python": "3.11"}, "Not tried: there is no sample to call run() with."),
        ({"batching": {"verdict": "rows", "reason": "Each of 14 rows answered alike."}}, "Possible: rows are independent. Each of 14 rows"),
        ({"batching": {"verdict": "not-rows", "reason": "Two rows answered as one."}}, "Not possible: one call a request. Two rows"),
    ],
)
def test_a_manifest_tells_what_the_first_start_of_its_image_found(browse, reader, things, probe, said):
    Image.objects.filter(pk=things.image.pk).update(probe=probe)
    page = browse(reader).get("/g/demo/manifests/iris:1").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"Shared calls {said}" in words
