"""What is in an image, as a bill of materials that scanners read: CycloneDX 1.5, JSON."""

from __future__ import annotations

import re
from urllib.parse import quote

from registry.models import Image

MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.5"


def bill_of_materials(image: Image) -> dict:
    """The installed packages, and the model versions that its manifest put in. Of an image that is not built, the models alone."""
    itself = {"type": "container", "bom-ref": f"image:{image}", "name": image.name, "version": str(image.number)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{image.pk}",
        "version": 1,
        "metadata": {
            "timestamp": (image.built_at or image.created_at).isoformat(timespec="seconds"),
            "component": {**itself, **_hashes(image.digest)},
        },
        "components": [
            *(_package(one["name"], one["version"]) for one in image.packages),
            *(
                {
                    "type": "machine-learning-model",
                    "bom-ref": f"model:{use.version}",
                    "name": use.version.name,
                    "version": str(use.version.number),
                    **_hashes(use.version.digest),
                }
                for use in image.manifest.uses.select_related("version__model")
            ),
        ],
    }


def _package(name: str, version: str) -> dict:
    # A package's address says its name as PyPI normalizes it.
    address = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version, safe='')}"
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


def _hashes(digest: str) -> dict:
    algorithm, _, value = digest.rpartition(":")
    return {"hashes": [{"alg": "SHA-256", "content": value}]} if value and algorithm in ("", "sha256") else {}
