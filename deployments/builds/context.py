"""A manifest -> the bundle that is copied into its image. Pure but for the late opening of bytes.

The same manifest and runtime give the same digest, whatever the image is called.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import scoring
from deployments.builds.builders.base import Bundle, BundleFile
from portal.errors import Conflict
from registry import storage
from registry.models import Manifest

#: raised when what lies in an image changes shape
BUNDLE_FORMAT = 1
APP, RUNTIME = "app", "opt/modelport"


def _asset_file(path: str, asset) -> tuple[BundleFile, str]:
    return BundleFile(path, asset.size, lambda: storage.open_asset(asset)), asset.sha256


def _local_file(path: str, source: Path) -> tuple[BundleFile, str]:
    data = source.read_bytes()
    return BundleFile(path, len(data), lambda: io.BytesIO(data)), hashlib.sha256(data).hexdigest()


def _bytes_file(path: str, data: bytes) -> BundleFile:
    return BundleFile(path, len(data), lambda: io.BytesIO(data))


def app_paths(manifest: Manifest) -> list[tuple[str, object]]:
    """(path beside score.py, asset) of everything the manifest brings, models included."""
    found = [(file.path, file.asset) for file in manifest.files.select_related("asset")]
    for use in manifest.uses.select_related("version"):
        version = use.version
        for file in version.files.select_related("asset"):
            path = version.root if version.kind == version.Kind.FILE else f"{version.root}/{file.path}"
            found.append((path, file.asset))
    return found


def make_bundle(manifest: Manifest, *, image: str = "") -> Bundle:
    """Raises Conflict when two things claim one path (the manifest form refuses it first)."""
    entries: dict[str, tuple[BundleFile, str]] = {}
    for path, asset in app_paths(manifest):
        full = f"{APP}/{path}"
        if full in entries:
            raise Conflict(f"Two files of {manifest} want to be {path}.")
        entries[full] = _asset_file(full, asset)
    for path, source in scoring.runtime_files():
        full = f"{RUNTIME}/{path}"
        entries[full] = _local_file(full, Path(source))
    facts = {
        "format": BUNDLE_FORMAT,
        "manifest": str(manifest),
        "driver": manifest.driver.path,
        "schema": manifest.service_schema,
        "runtime": manifest.runtime,
        "python": manifest.python,
        "app": "../../app",
        "models": [
            {"name": use.version.name, "version": use.version.number, "id": str(use.version.pk), "path": use.version.root}
            for use in manifest.uses.select_related("version__model")
        ],
    }
    lines = "\n".join(f"{path} {digest}" for path, (_, digest) in sorted(entries.items()))
    digest = "sha256:" + hashlib.sha256(f"{json.dumps(facts, sort_keys=True)}\n{lines}".encode()).hexdigest()
    # The image's name is put in after the digest was taken, so that it does not change with it.
    document = json.dumps({**facts, "digest": digest, "image": image}, indent=1, sort_keys=True).encode()
    files = [file for file, _ in entries.values()]
    files.append(_bytes_file(f"{RUNTIME}/bundle.json", document))
    return Bundle(digest=digest, files=tuple(sorted(files, key=lambda file: file.path)))
