"""An exception of the user's code -> file, line, what it means, what to do."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import List

from .errors import DriverFailed

RUNTIME = os.path.dirname(os.path.abspath(__file__))

#: where the import name is not the name to install
PACKAGES = {"sklearn": "scikit-learn", "cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "PyYAML", "bs4": "beautifulsoup4"}


def listing(folder: Path, most: int = 20) -> str:
    """The files that are there, shortened."""
    found: List[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != "__pycache__" and not each.startswith("."))
        found += [os.path.relpath(os.path.join(root, each), folder) for each in sorted(files)]
        if len(found) > most:
            return ", ".join(found[:most]) + ", ..."
    return ", ".join(found) or "nothing"


def user_traceback(error: BaseException) -> str:
    """The traceback without the runtime's own frames."""
    found = traceback.TracebackException.from_exception(error, limit=-50)
    seen = set()

    def clean(each: "traceback.TracebackException") -> None:
        if id(each) in seen:
            return
        seen.add(id(each))
        kept = [frame for frame in each.stack if not frame.filename.startswith((RUNTIME, "<frozen importlib"))]
        each.stack = traceback.StackSummary.from_list(kept)
        for chained in (each.__cause__, each.__context__):
            if chained is not None:
                clean(chained)

    clean(found)
    return "".join(found.format())


def place(error: BaseException, app: Path) -> str:
    """`score.py line 12`, the deepest line in the user's own files, or ""."""
    root, found = os.path.realpath(app) + os.sep, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.realpath(frame.filename).startswith(root) and not frame.filename.startswith(RUNTIME):
            found = f"{os.path.relpath(os.path.realpath(frame.filename), root)} line {frame.lineno}"
    return found


def failed(error: BaseException, app: Path, what: str) -> DriverFailed:
    where = place(error, app)
    try:
        text = str(error).strip()
    except Exception:  # a broken __str__ is the user's too
        text = ""
    kind = type(error).__name__
    message = f"{what}: " + (f"{where}: " if where else "") + (f"{kind}: {text[:1000]}" if text else kind) + "."
    return DriverFailed(message + _cure(error, text, app), user_traceback(error))


def _cure(error: BaseException, text: str, app: Path) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.split(".")[0]
        if "." in error.name and top in ("sklearn", "numpy", "pandas"):
            return _other_version(top)
        return f" The package `{PACKAGES.get(top, top)}` is not installed: add it to the pip or conda file."
    if isinstance(error, FileNotFoundError):
        return f" Files that are there: {listing(app)}."
    if isinstance(error, (AttributeError, ImportError, ValueError, TypeError)):
        if "__main__" in text and "Can't get attribute" in text:
            return " The model was saved with a class of the training script; put that class into a module of its own and add the file."
        for package in ("sklearn", "numpy", "pandas", "xgboost", "lightgbm"):
            if re.search(rf"\b{package}\b", text) and ("attribute" in text or "dtype" in text or "module" in text):
                return _other_version(package)
    if isinstance(error, MemoryError):
        return " There is not enough memory to load the model."
    if isinstance(error, SystemExit):
        return " The code asked the process to exit."
    return ""


def _other_version(package: str) -> str:
    name = PACKAGES.get(package, package)
    return f" The model was probably saved with another version of {name}: pin the version it was saved with in the pip or conda file."
