"""Model cards: Markdown with YAML front matter, made into HTML that can do nothing.

The text is anybody's: raw HTML is parsed and cleaned, links lead only to web pages and mail, no picture is fetched from elsewhere,
and ids and classes of the portal's own pages cannot be taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

import nh3
import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from registry.highlighting import highlight_fence

MOST_BYTES = 256 * 1024
README = "README.md"
TEMPLATE = """---
license:
tags: []
---

# {name}

## What it does

What it predicts, from what, and for whom.

## How to use it

Input, output, units, and what it must not be used for.

## How it was trained

Data, method, date.

## How good it is

Measures, on which data, and where it fails.
"""
_TAGS = nh3.ALLOWED_TAGS - {"map", "area"} | {"input", "label"}
_OWN_CLASS = re.compile(r"hl-[a-z0-9]{1,4}|task-list-item|contains-task-list|task-list-item-checkbox")


@dataclass(frozen=True, slots=True)
class Rendered:
    html: str = ""
    #: what the front matter says, words only: {"license": "mit", "tags": ["a", "b"]}
    facts: dict[str, object] = field(default_factory=dict)
    #: (level, id, words) of the headings
    contents: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def license(self) -> str:
        said = self.facts.get("license") or self.facts.get("licence") or ""
        return said if isinstance(said, str) else ", ".join(map(str, said)) if isinstance(said, list) else str(said)


def render(text: str) -> Rendered:
    """Never raises for what somebody wrote; front matter that is no YAML mapping is left out."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    facts = next((_facts(token.content) for token in tokens if token.type == "front_matter"), {})
    contents = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = "".join(child.content for child in tokens[place + 1].children or () if child.type in ("text", "code_inline"))
            token.attrs["id"] = f"card-{token.attrs.get('id', len(contents))}"
            contents.append((int(token.tag[1]), str(token.attrs["id"]), words))
            # The page has its own first heading, and the card stands below the tab's.
            token.tag = tokens[place + 2].tag = f"h{min(6, int(token.tag[1]) + 1)}"
    html = nh3.clean(
        markdown.renderer.render(tokens, markdown.options, {}),
        tags=set(_TAGS),
        attributes={
            **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
            **{f"h{level}": {"id"} for level in range(1, 7)},
            **{tag: {"class"} for tag in ("span", "code", "li", "ul")},
            "input": {"type", "checked", "disabled", "class"},
        },
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    return Rendered(html, facts, contents)


def _kept(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return " ".join(word for word in value.split() if _OWN_CLASS.fullmatch(word)) or None
    if name == "id":
        return value if value.startswith("card-") else None
    if tag == "input" and name == "type":
        return "checkbox"
    if name in ("href", "cite"):
        return None if value.strip().lower().startswith("data:") else value
    if name == "src":
        return value if value.startswith("data:image/") else None
    return value


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True, "highlight": highlight_fence}).enable(["table", "strikethrough"])
    return markdown.use(front_matter_plugin).use(tasklists_plugin, label=True).use(anchors_plugin, max_level=4)


def _facts(front_matter: str) -> dict[str, object]:
    """Short words and lists of them; anything deeper is for other readers."""
    try:
        for event in yaml.parse(front_matter, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                return {}
        found = yaml.safe_load(front_matter)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key)[:64]: said for key, value in list(found.items())[:50] if (said := _plain(value)) not in (None, "", [])}


def _plain(value) -> object:
    if isinstance(value, list):
        return [str(each)[:200] for each in value[:50] if not isinstance(each, dict | list)]
    return None if value is None or isinstance(value, dict) else str(value)[:500]
