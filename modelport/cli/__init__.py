"""The command line: the original's verbs, over the client. `python -m modelport`, or `modelport` where it is installed."""

from .app import main

__all__ = ["main"]
