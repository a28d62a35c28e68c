"""What lies in an image or a folder: the driver, its schema, the models, who we are."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from . import schema as schemas
from .errors import DriverFailed, SchemaError

#: processes of one replica
MOST_WORKERS = 64
SCHEMA_NAMES = ("service_schema.json", "schema.json")


@dataclass
class Bundle:
    """`app` is the working directory; `digest` and the names are empty for a plain folder."""

    app: Path
    driver: str = "score.py"
    schema: Optional[schemas.Schema] = None
    digest: str = ""
    manifest: str = ""
    image: str = ""
    #: "python" or "spark-py"
    runtime: str = "python"
    models: List[Dict[str, Any]] = field(default_factory=list)
    #: requests may be put together, and are to be
    batching: bool = False

    @classmethod
    def from_file(cls, path: Path) -> "Bundle":
        """From `bundle.json`. Raises DriverFailed."""
        try:
            document = json.loads(path.read_bytes())
            app = (path.parent / document["app"]).resolve()
            written = document.get("schema")
            return cls(
                app=app,
                driver=document.get("driver") or "score.py",
                schema=schemas.Schema.from_json(written) if written else None,
                digest=document.get("digest") or "",
                manifest=document.get("manifest") or "",
                image=document.get("image") or "",
                runtime=document.get("runtime") or "python",
                models=document.get("models") or [],
                batching=_batching(document.get("batching") or {}),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SchemaError) as error:
            raise DriverFailed(f"{path} cannot be read: {error}") from None

    @classmethod
    def from_folder(cls, folder: Path) -> "Bundle":
        """A plain folder with score.py and, if there is one, its schema. Raises DriverFailed."""
        folder = folder.resolve()
        if not folder.is_dir():
            raise DriverFailed(f"{folder} is not a folder.")
        for name in SCHEMA_NAMES:
            if (folder / name).is_file():
                try:
                    return cls(app=folder, schema=schemas.read((folder / name).read_bytes()))
                except SchemaError as error:
                    where = f" ({error.pointer})" if error.pointer else ""
                    raise DriverFailed(f"{name} cannot be used: {error.message}{where}") from None
        return cls(app=folder)


def _batching(found: Dict[str, Any]) -> bool:
    return found.get("verdict") == "rows" and found.get("enabled") is True


@dataclass(frozen=True)
class Settings:
    """What the platform says by environment variables; sizes in bytes, times in seconds.

    `patience` multiplies the time that slow senders are given. `batching`: None leaves it to the bundle.
    `workers`: processes that score, 0 for one a whole core if they can share the model. `threads` of each, 0 for its part of the cores.
    `share`: the model is loaded once for all. `queue_limit`: 0 leaves it to the worker, which takes few or many at once.
    `debug`: callers are shown the traceback of a run() that fails. `log`: "json" or "text", None leaves it to how the process was started.
    """

    service: str = ""
    revision: str = ""
    nonce: str = ""
    secret: str = ""
    max_body: int = 16 * 1024 * 1024
    timeout: float = 60.0
    queue_limit: int = 0
    grace: float = 10.0
    patience: float = 1.0
    server_url: str = ""
    version: str = "1.0"
    prefix: str = ""
    batching: Optional[bool] = None
    workers: int = 1
    threads: int = 0
    share: bool = True
    debug: bool = False
    log: Optional[str] = None

    @classmethod
    def from_environment(cls, environ: Optional[Mapping[str, str]] = None) -> "Settings":
        """MODELPORT_*. The secret is taken out of os.environ, so that user code does not see it. Raises DriverFailed."""
        source = os.environ if environ is None else environ
        secret = os.environ.pop("MODELPORT_SECRET", "") if environ is None else source.get("MODELPORT_SECRET", "")

        def positive(name: str, default: float) -> float:
            raw = source.get(name, "")
            try:
                found = float(raw) if raw else default
            except ValueError:
                found = -1
            if raw and not 0 < found < 1e15:
                raise DriverFailed(f"{name} must be a number above 0, not {raw!r}.")
            return found

        def switch(name: str) -> Optional[bool]:
            said = source.get(name, "").strip().lower()
            if said not in ("", "on", "off"):
                raise DriverFailed(f"{name} must be on or off, not {said[:40]!r}.")
            return {"on": True, "off": False}.get(said)

        def processes(name: str, most: int, default: int) -> int:
            said = source.get(name, "").strip().lower()
            if said and said != "auto" and not (said.isascii() and said.isdigit() and 0 < int(said) <= most):
                raise DriverFailed(f"{name} must be auto or a whole number up to {most}, not {said[:40]!r}.")
            return int(said) if said.isdigit() else 0 if said else default

        log = source.get("MODELPORT_LOG_FORMAT", "").strip().lower()
        if log not in ("", "json", "text"):
            raise DriverFailed(f"MODELPORT_LOG_FORMAT must be json or text, not {log[:40]!r}.")
        return cls(
            log=log or None,
            debug=switch("MODELPORT_DEBUG") is True,
            batching=switch("MODELPORT_BATCHING"),
            workers=processes("MODELPORT_WORKERS", MOST_WORKERS, cls.workers),
            threads=processes("MODELPORT_THREADS", 1024, cls.threads),
            share=switch("MODELPORT_SHARE") is not False,
            service=source.get("MODELPORT_SERVICE", ""),
            revision=source.get("MODELPORT_REVISION", ""),
            nonce=source.get("MODELPORT_NONCE", ""),
            secret=secret,
            max_body=int(positive("MODELPORT_MAX_BODY_BYTES", cls.max_body)),
            timeout=positive("MODELPORT_TIMEOUT_SECONDS", cls.timeout),
            queue_limit=int(positive("MODELPORT_QUEUE_LIMIT", 0)),
            grace=positive("MODELPORT_GRACE_SECONDS", cls.grace),
            patience=positive("MODELPORT_PATIENCE", cls.patience),
            server_url=source.get("MODELPORT_SERVER_URL", ""),
            version=source.get("SERVICE_VERSION", "") or "1.0",
            prefix=source.get("SERVICE_PATH_PREFIX", ""),
        )
