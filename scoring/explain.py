"""An exception of the user's code -> file, line, what it means, what to do."""

from __future__ import annotations

import os
import re
import traceback
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .errors import DriverFailed

RUNTIME = os.path.dirname(os.path.abspath(__file__))

#: where the import name is not the name to install
PACKAGES = {"sklearn": "scikit-learn", "cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "PyYAML", "bs4": "beautifulsoup4"}
#: modules of Python 2 -> where they are now
RENAMED = {
    "cPickle": "pickle",
    "cStringIO": "io",
    "StringIO": "io",
    "ConfigParser": "configparser",
    "Queue": "queue",
    "httplib": "http.client",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "__builtin__": "builtins",
}


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
    kind, text = type(error).__name__, _text(error)
    message = f"{what}: " + (f"{where}: " if where else "") + (f"{kind}: {text[:1000]}" if text else kind)
    message += "" if message.endswith(".") else "."
    seen: List[BaseException] = []
    each: Optional[BaseException] = error
    while each is not None and each not in seen:  # the error that the user's code has wrapped says more than the wrapper
        found = cure(each, _text(each), app)
        if found:
            return DriverFailed(f"{message} {found}", user_traceback(error))
        seen.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return DriverFailed(message, user_traceback(error))


def _text(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # a broken __str__ is the user's too
        return ""


#: package -> (version a model was saved with, version that is here), as scikit-learn has said while loading
saved_with: Dict[str, Tuple[str, str]] = {}
_VERSIONS = re.compile(r"unpickle estimator \S+ from version (\S+) when using version (\d[\w.]*\w)")


def watch_versions() -> None:
    """Remember what scikit-learn warns of when a model was saved with another version; the warning is shown all the same."""
    before = warnings.showwarning

    def show(message: Any, *arguments: Any, **more: Any) -> None:
        found = _VERSIONS.search(str(message))
        if found:
            saved_with["sklearn"] = (found.group(1), found.group(2))
        before(message, *arguments, **more)

    warnings.showwarning = show  # type: ignore[assignment]


def version_notes() -> List[str]:
    """A sentence for each package whose version was another one when a model was saved."""
    return [
        f"The model was saved with {PACKAGES.get(package, package)} {then}, {now} is installed: "
        f"pin {PACKAGES.get(package, package)}=={then} in the pip or conda file, or save the model again."
        for package, (then, now) in saved_with.items()
    ]


_NO_FILE = re.compile(r"no such file|file (does not|doesn't) exist|file not found|NO_SUCHFILE|unable to (open|load) .*file", re.IGNORECASE)
_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
_NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|out of memory|bad_alloc|bad allocation|Unable to allocate", re.IGNORECASE
)
_BINARY = re.compile(
    r"size changed, may indicate binary incompatibility|multiarray failed to import|compiled using NumPy 1|_ARRAY_API not found"
)


def cure(error: BaseException, text: str, app: Path) -> str:
    """What it means and what to do, in a sentence or two; "" when nothing is known."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.split(".")[0]
        if "." in error.name and top in ("sklearn", "numpy", "pandas"):
            return _other_version(top)
        if top in RENAMED:
            return f"This module is of Python 2; Python 3 calls it `{RENAMED[top]}`."
        return f"The package `{PACKAGES.get(top, top)}` is not installed: add it to the pip or conda file."
    library = _LIBRARY.search(text)
    if library:
        return (
            f"The system library {library.group(1)} is not in the image: use a package that brings it along, or a base image that has it."
        )
    if _BINARY.search(text):
        return (
            "Two packages do not fit each other: one was built for another version of numpy. "
            "Pin numpy (often `numpy<2`) in the pip or conda file."
        )
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        limit = memory_limit()
        return "There is not enough memory to load the model." + (f" The limit here is {limit} MiB." if limit else "")
    if isinstance(error, SystemExit):
        return "The code asked the process to exit."
    if isinstance(error, PermissionError):
        return "The process may not use that file. Write temporary files to the folder for them (tempfile.gettempdir())."
    if isinstance(error, FileNotFoundError) or _NO_FILE.search(text):
        return _files(error, text, app)
    return _of_the_model(error, text)


def _of_the_model(error: BaseException, text: str) -> str:
    kind = type(error).__name__
    if "__main__" in text and "Can't get attribute" in text:
        return "The model was saved with a class of the training script; put that class into a module of its own and add the file."
    if "unsupported pickle protocol" in text:
        return "The model was saved with a newer Python: choose that version of Python."
    if kind == "UnpicklingError" or isinstance(error, EOFError) or "invalid load key" in text:
        return "The model file is not what it should be: cut short, a Git LFS pointer, or of another kind than the code that loads it."
    if not isinstance(error, (AttributeError, ImportError, ValueError, TypeError, KeyError)):
        return ""
    if saved_with:
        return version_notes()[0]
    for package in ("sklearn", "numpy", "pandas", "xgboost", "lightgbm"):
        if re.search(rf"\b{package}\b", text) and ("attribute" in text or "dtype" in text or "module" in text):
            return _other_version(package)
    return ""


def _files(error: BaseException, text: str, app: Path) -> str:
    there = listing(app)
    wanted = os.path.basename(str(getattr(error, "filename", None) or "")) or ""
    for root, _, files in os.walk(app):
        if wanted and wanted in files:
            return f"There is a {os.path.relpath(os.path.join(root, wanted), app)}; is that the one? Files that are there: {there}."
    return f"Files that are there: {there}."


def memory_limit() -> int:
    """Of this container or process, in MiB; 0 when there is none."""
    found = []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                found.append(int(file.read()))
        except (OSError, ValueError):
            continue
    try:
        import resource

        found += [each for each in resource.getrlimit(resource.RLIMIT_AS)[:1] if each != resource.RLIM_INFINITY]
    except ImportError:
        pass
    found = [each for each in found if 0 < each < 2**50]
    return min(found) // 2**20 if found else 0


def _other_version(package: str) -> str:
    if package in saved_with:
        return version_notes()[0]
    name = PACKAGES.get(package, package)
    return f"The model was probably saved with another version of {name}: pin the version it was saved with in the pip or conda file."
