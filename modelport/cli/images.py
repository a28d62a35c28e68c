"""modelport image ..."""

from typing import Optional

import typer

from . import onestep
from . import options as o
from .session import Session, command, given, part

app = part("Images: manifests, built.")
COLUMNS = ("ref", "id", "manifest", "built", "size", "createdAt", "description")


@command(app, "create", COLUMNS)
def create(
    session: Session,
    image_name: str = typer.Option(..., "-n", "--image-name", help="Its name; the same name again makes the next number."),
    manifest_id: Optional[str] = typer.Option(None, "--manifest-id", help="A manifest: iris:3 or its uuid.", show_default=False),
    model_file: list[str] = o.MODEL_FILE,
    driver: Optional[str] = o.DRIVER,
    runtime: str = o.RUNTIME,
    schema_file: Optional[str] = o.SCHEMA,
    pip_file: Optional[str] = o.PIP,
    conda_file: Optional[str] = o.CONDA,
    dependency: list[str] = o.DEPENDENCY,
    python: Optional[str] = o.PYTHON,
    environment: str = o.ENVIRONMENT,
    description: str = typer.Option("", "--image-description", help="Words about it.", show_default=False),
    wait: bool = o.WAIT,
):
    """Build an image, from a manifest or from files in one step."""
    unregistered = {
        "driver": driver,
        "model_file": model_file,
        "schema": schema_file,
        "pip_file": pip_file,
        "conda_file": conda_file,
        "files": dependency,
    }
    onestep.refuse_both("--manifest-id", manifest_id, **unregistered)
    if manifest_id:
        operation = session.portal.images.create(manifest_id, name=image_name, environment=environment, description=description)
        return session.follow(operation, wait)
    files = unregistered.pop("model_file"), unregistered.pop("driver")
    more = given(runtime=runtime, python=python, environment=environment, description=description, **unregistered)
    return session.follow(onestep.deploy(session, image_name, *files, image_only=True, **more), wait)


@command(app, "list", COLUMNS)
def list_images(session: Session):
    """Images, newest first."""
    return session.portal.images.list()


@command(app, "show", COLUMNS)
def show(session: Session, image_id: str = typer.Option(..., "-i", "--image-id", help="iris:3 or a uuid; a name shows the newest.")):
    """One image: its packages, what its trial run answered, who uses it."""
    return session.portal.images.get(image_id)


@command(app, "bill")
def bill(session: Session, image_id: str = typer.Option(..., "-i", "--image-id", help="iris:3 or a uuid; a name takes the newest.")):
    """What is in an image, as a CycloneDX bill of materials."""
    return session.portal.images.get(image_id).bill_of_materials()
