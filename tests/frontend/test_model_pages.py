"""A model's pages: tree and viewer, card, aliases, comparison; hostile names and texts are only shown."""

from __future__ import annotations

import pytest

from registry.models import Alias
from tests import factories
from tests.doors import upload

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
ODD = 'net/größe "quoted" 🙂 <b>.py'
RTL = "net/deep/نموذج.txt"


@pytest.fixture
def version(group, owner):
    files = {
        "net/README.md": b"---\nlicense: mit\n---\n# Net\n<script>alert(1)</script>\n",
        ODD: b"print('<b>')\n",
        RTL: "مرحبا".encode(),
        "net/a.png": PNG,
        "net/fake.png": b"<script>alert(1)</script>",
        "net/page.html": b"<script>alert(1)</script>",
        "net/weights.bin": b"\0\1\2",
    }
    return factories.make_model_version(group, name="net", files=files, user=owner)


def test_files_are_a_tree_and_text_is_shown_and_never_run(browse, reader, version):
    client = browse(reader)
    top = client.get("/g/demo/models/net:1").content.decode()
    assert 'href="/g/demo/models/net:1?in=deep/"' in top
    assert "&lt;b&gt;.py" in top and "<b>.py" not in top
    deep = client.get("/g/demo/models/net:1", {"in": "deep/"})
    assert "نموذج.txt" in deep.content.decode()
    assert client.get("/g/demo/models/net:1", {"in": "nothing/"}).status_code == 404

    page = client.get("/g/demo/models/net:1/files/page.html").content.decode()
    assert "<script>alert" not in page and 'id="L1"' in page
    code = client.get("/g/demo/models/net:1/files/" + ODD.removeprefix("net/")).content.decode()
    assert 'class="hl-' in code
    assert "not shown" in client.get("/g/demo/models/net:1/files/weights.bin").content.decode()
    assert client.get("/g/demo/models/net:1/files/nothing").status_code == 404


def test_a_picture_is_shown_only_when_it_is_one(browse, reader, version):
    client = browse(reader)
    real = client.get("/g/demo/models/net:1/picture/a.png")
    assert (real["Content-Type"], real["Content-Disposition"]) == ("image/png", "inline")
    assert "sandbox" in real["Content-Security-Policy"] and real["X-Content-Type-Options"] == "nosniff"
    fake = client.get("/g/demo/models/net:1/picture/fake.png")
    assert fake["Content-Type"] == "application/octet-stream" and fake["Content-Disposition"].startswith("attachment")
    assert client.get("/g/demo/models/net:1/picture/page.html").status_code == 404


def test_a_readme_is_the_card_until_somebody_writes_another(browse, contributor, reader, version):
    client = browse(contributor)
    page = client.get("/g/demo/models/net/").content.decode()
    assert 'id="card-net"' in page and "<dd>mit</dd>" in page and "alert(1)" not in page.split("model-card")[1].split("</section>")[0]
    preview = client.post("/g/demo/models/card-preview", {"card": "*new* <img src=x onerror=alert(1)>"}).content.decode()
    assert "<em>new</em>" in preview and "onerror" not in preview
    client.post("/g/demo/models/net:1/card", {"card": "# Written"})
    assert "Written" in client.get("/g/demo/models/net:1?tab=card").content.decode()
    assert browse(reader).post("/g/demo/models/net:1/card", {"card": "mine"}).status_code == 403
    client.post("/g/demo/models/net:1/card", {"card": ""})
    assert "No model card yet" in client.get("/g/demo/models/net:1?tab=card").content.decode()


def test_an_alias_is_moved_shown_and_removed(browse, contributor, reader, version, group, owner):
    second = factories.make_model_version(group, name="net", files={"a": b"2"}, user=owner)
    client = browse(contributor)
    moved = client.post("/g/demo/models/net:1/alias", {"alias": "champion"}, follow=True).content.decode()
    assert "net@champion points at net:1" in moved
    assert "net@champion" in client.get("/g/demo/models/net:2/alias?alias=champion").content.decode()
    client.post("/g/demo/models/net:2/alias", {"alias": "champion"})
    assert Alias.objects.get().version == second
    assert client.get("/g/demo/models/net@champion").context["object"] == second
    late = client.post("/g/demo/models/net:1/alias", {"alias": "champion", "shown-champion": "net:1"})
    assert late.status_code == 412 and b'name="shown-champion" value="net:2"' in late.content  # somebody was quicker; now they know
    wrong = client.post("/g/demo/models/net:2/alias", {"alias": "No!"})
    assert wrong.status_code == 422 and wrong.context["form"].errors["alias"]
    assert "net@champion" in client.get("/g/demo/models/net:2/delete").content.decode()
    assert browse(reader).post("/g/demo/models/net/aliases/champion/remove").status_code == 403
    client.post("/g/demo/models/net/aliases/champion/remove")
    assert not Alias.objects.exists()


def test_two_versions_side_by_side(browse, reader, version, group, owner):
    factories.make_model_version(group, name="net", files={"net/page.html": b"<p>other</p>"}, user=owner)
    page = browse(reader).get("/g/demo/models/net:2/compare").content.decode()
    assert "net:1 → net:2" in page and "-&lt;script&gt;alert(1)&lt;/script&gt;" in page and "+&lt;p&gt;other&lt;/p&gt;" in page
    assert "There is no model net:9" in browse(reader).get("/g/demo/models/net:2/compare?with=net:9").content.decode()


def test_registering_says_what_is_identical_and_takes_card_and_alias(browse, contributor, group, owner):
    client = browse(contributor)
    sent = {"name": "same", "files": upload("m.bin", b"bytes"), "alias": "champion", "card": "# Same"}
    assert "Identical" not in client.post("/g/demo/models/new", sent, follow=True).content.decode()
    again = client.post("/g/demo/models/new", {**sent, "files": upload("m.bin", b"bytes")}, follow=True).content.decode()
    assert "Identical to version 1, stored once." in again and Alias.objects.get().version.number == 2
    assert "after 2" in client.get("/g/demo/models/name-check?name=same").content.decode()
    assert "begins with version 1" in client.get("/g/demo/models/name-check?name=other").content.decode()


@pytest.mark.parametrize(
    "path", ["net:1", "net:1?tab=card", "net:1?tab=used", "net/", "net/?tab=versions", "net/?tab=used", "net:1/compare"]
)
def test_pages_cost_few_queries(browse, reader, version, path, django_assert_max_num_queries):
    client = browse(reader)
    with django_assert_max_num_queries(20):
        assert client.get(f"/g/demo/models/{path}").status_code == 200
