"""Colours for code, chosen from a fixed table of endings: nobody's text picks which parser of a library it is given to."""

from __future__ import annotations

import html

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.configs import DockerLexer, IniLexer, TOMLLexer
from pygments.lexers.css import CssLexer
from pygments.lexers.data import JsonLexer, YamlLexer
from pygments.lexers.html import HtmlLexer, XmlLexer
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.markup import MarkdownLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.r import SLexer
from pygments.lexers.shell import BashLexer
from pygments.lexers.special import TextLexer
from pygments.lexers.sql import SqlLexer

_LEXERS = {
    **dict.fromkeys(("py", "pyi", "python"), PythonLexer),
    **dict.fromkeys(("json", "ipynb", "jsonl"), JsonLexer),
    **dict.fromkeys(("yml", "yaml", "mlmodel"), YamlLexer),
    **dict.fromkeys(("ini", "cfg", "conf"), IniLexer),
    **dict.fromkeys(("sh", "bash", "console"), BashLexer),
    **dict.fromkeys(("xml", "pmml", "svg"), XmlLexer),
    **dict.fromkeys(("js", "javascript"), JavascriptLexer),
    **dict.fromkeys(("md", "markdown"), MarkdownLexer),
    "toml": TOMLLexer,
    "dockerfile": DockerLexer,
    "css": CssLexer,
    "html": HtmlLexer,
    "r": SLexer,
    "sql": SqlLexer,
}
#: beyond this, colours take longer than anybody looks
MOST_COLOURED = 256 * 1024


def lexer_for(path: str):
    """By the ending, or by the whole name where there is none."""
    name = path.rsplit("/", 1)[-1].lower()
    return _LEXERS.get(name.rsplit(".", 1)[-1], TextLexer)


def lines_of(text: str, path: str) -> list[str]:
    """Each line as HTML."""
    if len(text) > MOST_COLOURED:
        return [html.escape(line) for line in text.split("\n")]
    lexer = lexer_for(path)(stripnl=False, ensurenl=False)
    return highlight(text, lexer, HtmlFormatter(nowrap=True, classprefix="hl-")).removesuffix("\n").split("\n")


def highlight_fence(text: str, language: str, _attributes: str = "") -> str:
    """For markdown-it: a fence's code with colours."""
    return "\n".join(lines_of(text.removesuffix("\n"), language.lower())) + "\n"
