"""Images: manifests, built."""

from __future__ import annotations

from .operations import Operation
from .resources import Collection, Resource, named


class Image(Resource):
    """One image. `image.built` tells whether it can be run."""

    collection = "images"

    def delete(self) -> None:
        self.portal.images.delete(self.ref)


class Images(Collection[Image]):
    """The group's images; `list(name=, manifest=, model=, built=, q=)`."""

    resource, numbered = Image, True

    def create(self, manifest: str | Resource, *, name: str = "", environment: str = "", description: str = "") -> Operation:
        """Starts the build. The manifest's name and the group's default environment if left out."""
        body = {"manifest": named(manifest), "name": name, "description": description}
        if environment:
            body["environment"] = environment
        return Operation(self.portal, self.portal.transport.write("POST", self.portal.path(self.resource.collection), body))
