"""A log's lines as HTML. What a program printed is escaped; of its colours only classes of ours come out."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from deployments.steplog import COLOUR, parts

#: the six steps of the colour cube that `38;5;n` speaks of
_CUBE = (0, 95, 135, 175, 215, 255)


class _Style:
    """What the colours of one line have switched on so far."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.words: dict[str, str] = {}
        self.rgb = ""

    def take(self, codes: list[int]) -> None:
        codes = codes or [0]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (38, 48):
                self._extended(code, codes)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.words["fg"], self.rgb = f"a{code}", ""
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.words["bg"] = f"a{code}"
            elif code in (1, 2, 3, 4, 9):
                self.words[f"w{code}"] = f"a{code}"
            elif code == 22:
                self.words.pop("w1", None), self.words.pop("w2", None)
            elif code in (23, 24, 29):
                self.words.pop(f"w{code - 20}", None)
            elif code == 39:
                self.words.pop("fg", None)
                self.rgb = ""
            elif code == 49:
                self.words.pop("bg", None)

    def _extended(self, code: int, codes: list[int]) -> None:
        """`38;5;n` and `38;2;r;g;b`. Backgrounds of that kind are read over: text on them could not be told from them."""
        kind = codes.pop(0) if codes else 0
        rgb: tuple[int, ...] = ()
        if kind == 5 and codes:
            number = codes.pop(0)
            if number < 16 and code == 38:
                self.words["fg"], self.rgb = f"a{30 + number if number < 8 else 82 + number}", ""
                return
            if 16 <= number < 232:
                rgb = (_CUBE[(number - 16) // 36], _CUBE[(number - 16) // 6 % 6], _CUBE[(number - 16) % 6])
            elif 232 <= number < 256:
                rgb = (8 + 10 * (number - 232),) * 3
        elif kind == 2 and len(codes) >= 3:
            rgb = tuple(min(codes.pop(0), 255) for _ in range(3))
        if rgb and code == 38:
            # Lifted towards white: logs have a dark ground, and dark blue on it is not read.
            self.words.pop("fg", None)
            self.rgb = "#" + "".join(f"{round(part + (255 - part) * 0.35):02x}" for part in rgb)

    def wrap(self, text: str) -> str:
        if not text or not (self.words or self.rgb):
            return text
        classes = f' class="{" ".join(self.words.values())}"' if self.words else ""
        colour = f' style="color:{self.rgb}"' if self.rgb else ""
        return f"<b{classes}{colour}>{text}</b>"


def coloured(text: str) -> str:
    """Escaped, with `<b class="a31">` for what is red. Every line begins without colours."""
    if "\x1b" not in text:
        return escape(text)
    style, out, at = _Style(), [], 0
    for found in COLOUR.finditer(text):
        out.append(style.wrap(escape(text[at : found.start()])))
        style.take([int(code[:4] or 0) for code in found[0][2:-1].split(";")])
        at = found.end()
    out.append(style.wrap(escape(text[at:])))
    return "".join(out)


def lines_html(lines: Iterable[str], first: int) -> SafeString:
    """List items that know their number in the whole log (`first` is the first one's) and their time of day, in UTC."""
    found = []
    for number, line in enumerate(lines, first):
        time, text = parts(line)
        when = f' data-t="{time[11:23]}"' if time else ""
        found.append(f'<li id="L{number}" data-n="{number}"{when}>{coloured(text)}</li>')
    return mark_safe("".join(found))
