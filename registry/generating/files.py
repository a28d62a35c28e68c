"""The files of a model as recognisers see them: names, sizes, and a few bytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO


class Unreadable(ValueError):
    """The files are of a known kind, but cannot be used as they are: a sentence with the cure."""


@dataclass(frozen=True)
class ModelFiles:
    """A model version, or files that may become one.

    `root` is the file's or folder's name beside score.py; `sizes` maps each path below it (for a file: its own name) to its bytes.
    """

    root: str
    is_folder: bool
    sizes: Mapping[str, int]
    open: Callable[[str], BinaryIO]

    def __contains__(self, path: str) -> bool:
        return path in self.sizes

    def beside(self, path: str) -> str:
        """Where a file lies from score.py."""
        return f"{self.root}/{path}" if self.is_folder else path

    def head(self, path: str, most: int) -> bytes:
        with self.open(path) as file:
            return file.read(most)

    def tail(self, path: str, most: int) -> bytes:
        with self.open(path) as file:
            file.seek(max(0, self.sizes[path] - most))
            return file.read(most)

    def text(self, path: str, most: int = 2**20) -> str:
        """A small text; "" when it is too large or no text."""
        if self.sizes.get(path, most + 1) > most:
            return ""
        return self.head(path, most).decode("utf-8", "replace")

    def shallow_first(self) -> list[str]:
        """All paths; what lies nearer to the root, and is called a model, comes first."""
        return sorted(self.sizes, key=lambda path: (path.count("/"), "model" not in path.rsplit("/", 1)[-1].lower(), path))
