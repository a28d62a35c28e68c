"""Model cards: front matter, contents, and Markdown that means harm."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from registry.actions.models import change_model_version
from registry.cards import TEMPLATE, render
from registry.comparing import compare
from registry.highlighting import lexer_for, lines_of
from tests import factories

CARD = """---
license: mit
tags: [flowers, small]
metrics: {accuracy: 0.97}
---
# Iris
| a | b |
|---|---|
| 1 | 2 |

- [x] tested
```python
print("hi")
```
## How & why
"""


def test_a_card_has_facts_contents_tables_and_coloured_code():
    card = render(CARD)
    assert card.facts == {"license": "mit", "tags": ["flowers", "small"]} and card.license == "mit"
    assert [(level, words) for level, _, words in card.contents] == [(1, "Iris"), (2, "How & why")]
    assert all(f'id="{anchor}"' in card.html and anchor.startswith("card-") for _, anchor, _ in card.contents)
    assert "<table>" in card.html and 'type="checkbox"' in card.html and 'class="hl-' in card.html
    assert "<h2" in card.html and "<h1" not in card.html and "license" not in card.html
    assert render(TEMPLATE.format(name="iris")).contents[0][2] == "iris"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1)) [b](data:text/html,<script>alert(1)</script>)",
        "![x](https://evil.example/track.png)",
        "<iframe src='https://evil.example'></iframe><style>body{display:none}</style>",
        "<form action=/accounts/logout/><button class='btn btn-danger' id=main>Sign in</button></form>",
        "<div style='position:fixed;inset:0' class='top' id='said'>over everything</div>",
        "<a href='//x' onclick=alert(1) class='btn'>x</a><svg onload=alert(1)></svg><math><mi xlink:href='javascript:1'>",
        "<input type=password name=p autofocus onfocus=alert(1)>",
        "# <img src=x onerror=alert(1)>",
    ],
)
def test_hostile_markdown_does_nothing(text):
    seen = Elements()
    seen.feed(render(text).html)
    for tag, attributes in seen.found:
        assert tag not in ("script", "iframe", "style", "form", "button", "svg", "math", "object", "link", "meta", "base")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "name", "action", "srcset")]
        assert attributes.get("id", "card-").startswith("card-") and "btn" not in attributes.get("class", "")
        assert attributes.get("href", "https:").startswith(("https:", "//")) and not attributes.get("src", "").startswith("http")
        assert tag != "input" or attributes["type"] == "checkbox"


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, {name: value or "" for name, value in attributes}))


def test_front_matter_that_is_no_mapping_or_a_bomb_is_left_out():
    assert render("---\n- a\n---\nx").facts == {} and render("---\n: [\n---\nx").facts == {}
    assert render("---\na: &a [x, x]\nb: *a\n---\nx").facts == {}
    deep = render("---\na: " + "[" * 5000 + "\n---\nx")
    assert deep.facts == {}


def test_the_name_of_a_file_picks_from_a_fixed_table():
    assert lexer_for("a/score.PY").name == "Python" and lexer_for("x.ipynb").name == "JSON"
    assert lexer_for("x.evil").name == lexer_for("Makefile").name == "Text only"
    assert lines_of("<b>\n\n1", "x.txt") == ["&lt;b&gt;", "", "1"] and len(lines_of("a = 1\n\n\nb", "a.py")) == 4


@pytest.mark.django_db
def test_two_versions_are_compared_by_what_differs(group, owner, client_for):
    factories.make_model_version(group, user=owner, files={"m/a.txt": b"1\n2\n", "m/b.bin": b"x", "m/c": b"c"}, tags=["old"])
    two = factories.make_model_version(group, user=owner, files={"m/a.txt": b"1\n3\n", "m/c": b"c", "m/d": b"d"}, tags=["new"])
    change_model_version(user=owner, version=two, card="# New\n")
    client = client_for(owner)
    found = client.get("/api/v1/groups/demo/models/iris:2/compare?with=iris:1").json()
    assert [(file["path"], file["change"]) for file in found["files"]] == [("a.txt", "changed"), ("b.bin", "removed"), ("d", "added")]
    assert found["unchangedFiles"] == 1 and found["card"][-1] == "+# New"
    assert {"what": "tags", "before": ["old"], "after": ["new"]} in found["facts"]
    assert not {"name", "framework", "kind"} & {change["what"] for change in found["facts"]}
    same = compare(two, two)
    assert (same.facts, same.files, same.card) == ([], [], [])
