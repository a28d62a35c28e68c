"""CPU, memory and GPUs as people write them: `0.5`, `500m`, `512Mi`, `1G`, `all`. Sizes without a unit are bytes."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)\s*([kmgt]?i?)b?", re.IGNORECASE)
_CPU = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?m?")
#: the number that stands for every GPU of the engine's machine
ALL_GPUS, MOST_GPUS = -1, 64


def parse_memory(value: object, *, field: str = "memory") -> int:
    """Bytes; the original's `1G` and `300M` are powers of ten, `1Gi` a power of two."""
    match = _MEMORY.fullmatch(str(value).strip())
    if not match or match[2].lower() == "i":
        raise ValidationError({field: _("%(value)r is not an amount of memory. Write it like 512Mi or 1Gi.") % {"value": value}})
    return int(float(match[1]) * _UNITS[match[2].lower()])


def parse_cpu(value: object, *, field: str = "cpu") -> float:
    """Cores; `500m` is half a core."""
    text = str(value).strip()
    if not _CPU.fullmatch(text):
        raise ValidationError({field: _("%(value)r is not a number of cores. Write it like 0.5, 1 or 500m.") % {"value": value}})
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def parse_gpus(value: object, *, field: str = "gpus") -> int:
    """How many; ALL_GPUS for `all`."""
    text = str(value).strip().lower()
    if text == "all":
        return ALL_GPUS
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and int(text) <= MOST_GPUS):
        words = _("%(value)r is not a number of GPUs. Write 0 to %(most)d, or all.")
        raise ValidationError({field: words % {"value": value, "most": MOST_GPUS}})
    return int(text)


def show_gpus(count: int) -> int | str:
    return "all" if count == ALL_GPUS else count


def show_memory(size: int) -> str:
    """The shortest exact binary form: 512Mi, 1Gi."""
    for unit, factor in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
