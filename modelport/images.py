"""Images: manifests, built."""

from __future__ import annotations

from typing import Any

from .operations import Operation
from .resources import Collection, Resource, named


class Image(Resource):
    """One image. `image.built` tells whether it can be run."""

    collection = "images"

    def delete(self) -> None:
        self.portal.images.delete(self.ref)

    def bill_of_materials(self) -> dict[str, Any]:
        """The packages and models in it: a CycloneDX document."""
        return self.portal.transport.read(f"{self.portal.path('images', self.ref)}bill-of-materials/")


class Images(Collection[Image]):
    """The group's images; `list(name=, manifest=, model=, built=, q=)`."""

    resource, numbered = Image, True

    def create(self, manifest: str | Resource, *, name: str = "", environment: str = "", description: str = "") -> Operation:
        """Starts the build. The manifest's name and the group's default environment if left out."""
        body = {"manifest": named(manifest), "name": name, "description": description}
        if environment:
            body["environment"] = environment
        return Operation(self.portal, self.portal.transport.write("POST", self.portal.path(self.resource.collection), body))
