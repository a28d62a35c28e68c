"""The scoring runtime: the program inside every image. Imports nothing of the portal.

`python -m scoring DIR` serves a folder. The portal and notebooks use the pure parts:
`scoring.schema`, `scoring.driver`, `scoring.swagger`.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

__version__ = "1.0"

_HERE = Path(__file__).resolve().parent


def runtime_files() -> List[Tuple[str, Path]]:
    """What goes under `opt/modelport/` of a bundle: (relative POSIX path, file), sorted."""
    found = [("launch.py", _HERE / "launch.py")]
    for path in _HERE.rglob("*"):
        inside = path.relative_to(_HERE)
        if path.suffix in (".py", ".txt") and path.name != "launch.py" and "__pycache__" not in inside.parts:
            found.append((f"scoring/{inside.as_posix()}", path))
    # `python -m scoring` needs launch.py inside the package, the image beside it.
    return sorted([*found, ("scoring/launch.py", _HERE / "launch.py")])


def requirements() -> List[str]:
    """The runtime's own dependencies, one PEP 508 line each."""
    return [
        line.strip() for line in (_HERE / "requirements.txt").read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")
    ]
