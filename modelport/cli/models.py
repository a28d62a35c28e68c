"""modelport model ..."""

from typing import Optional

import typer

from ..resources import is_uuid
from .session import Session, command, part

app = part("Models: files or folders, registered as numbered versions of a name.")
COLUMNS = ("ref", "id", "framework", "size", "tags", "createdAt", "description")
MODEL = typer.Option(..., "-m", "--model", help="A model: iris:3 or its uuid.")
TAG = typer.Option(None, "-t", "--tag", help="Only versions with this tag.", show_default=False)


@command(app, "register", COLUMNS)
def register(
    session: Session,
    model: str = typer.Option(..., "-m", "--model", help="The file or folder."),
    name: str = typer.Option(..., "-n", "--name", help="Its name; the same name again makes the next version."),
    tag: list[str] = typer.Option([], "-t", "--tag", help="A tag; may be repeated.", show_default=False),
    description: str = typer.Option("", "-d", "--description", help="Words about it.", show_default=False),
    framework: str = typer.Option("", "--framework", help="What it was trained with.", show_default=False),
):
    """Register the next version of a model."""
    return session.portal.models.register(model, name, description=description, tags=tag, framework=framework, on_file=session.on_file)


@command(app, "list", COLUMNS)
def list_models(
    session: Session,
    tag: Optional[str] = TAG,
    name: Optional[str] = typer.Option(None, "-n", "--name", help="Only versions of this name.", show_default=False),
):
    """Model versions, newest first."""
    return session.portal.models.list(tag=tag, name=name)


@command(app, "show", COLUMNS)
def show(
    session: Session,
    model: str = typer.Option(..., "-m", "--model", help="iris:3 or a uuid; a name shows all its versions."),
    tag: Optional[str] = TAG,
):
    """One version, or all versions of a name."""
    if ":" in model or is_uuid(model):
        return session.portal.models.get(model)
    versions = session.portal.models.list(name=model, tag=tag)
    return versions or session.portal.models.get(model)


@command(app, "delete")
def delete(session: Session, model: str = MODEL):
    """Delete a version that nothing uses."""
    session.portal.models.delete(model)
    return {"deleted": model}


@command(app, "download")
def download(session: Session, model: str = MODEL, to: str = typer.Option(".", "--to", help="The folder to put it in.")):
    """Fetch a version's file or folder; every file is checked against its digest."""
    found = session.portal.models.get(model)
    return {"model": found.ref, "path": str(found.download(to))}
