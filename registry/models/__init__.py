"""Facts: bytes, models, manifests, images. Nothing here ever runs."""

from registry.models.assets import Asset, ResumableUpload, UploadedFile, UploadSet
from registry.models.drafts import ManifestDraft
from registry.models.images import Image
from registry.models.manifests import Manifest, ManifestFile, ManifestModel
from registry.models.mlmodels import Alias, Card, ModelFile, ModelVersion, RegisteredModel, Tag
from registry.models.names import Sequence

__all__ = [
    "Alias",
    "Asset",
    "Card",
    "Image",
    "Manifest",
    "ManifestDraft",
    "ManifestFile",
    "ManifestModel",
    "ModelFile",
    "ModelVersion",
    "RegisteredModel",
    "ResumableUpload",
    "Sequence",
    "Tag",
    "UploadSet",
    "UploadedFile",
]
