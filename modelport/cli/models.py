"""modelport model ..."""

from pathlib import Path
from typing import Optional

import typer

from ..resources import is_uuid
from .session import Session, command, part

app = part("Models: files or folders, registered as numbered versions of a name.")
COLUMNS = ("ref", "id", "framework", "size", "tags", "createdAt", "description")
MODEL = typer.Option(..., "-m", "--model", help="A model: iris:3, iris@champion or its uuid.")
TAG = typer.Option(None, "-t", "--tag", help="Only versions with this tag.", show_default=False)


@command(app, "register", COLUMNS)
def register(
    session: Session,
    model: str = typer.Option(..., "-m", "--model", help="The file or folder."),
    name: str = typer.Option(..., "-n", "--name", help="Its name; the same name again makes the next version."),
    tag: list[str] = typer.Option([], "-t", "--tag", help="A tag; may be repeated.", show_default=False),
    description: str = typer.Option("", "-d", "--description", help="Words about it.", show_default=False),
    framework: str = typer.Option("", "--framework", help="What it was trained with.", show_default=False),
    card: Optional[Path] = typer.Option(None, "--card", help="Its model card, a Markdown file.", show_default=False),
    alias: str = typer.Option("", "--alias", help="An alias to point at it, for example champion.", show_default=False),
    resume: bool = typer.Option(False, "--resume", help="Go on with an upload of the same files that stopped, here or in the browser."),
):
    """Register the next version of a model."""
    words = {"description": description, "tags": tag, "framework": framework, "alias": alias}
    words["card"] = card.read_text(encoding="utf-8") if card else ""
    return session.portal.models.register(model, name, resume=resume, on_file=session.on_file, **words)


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
    if ":" in model or "@" in model or is_uuid(model):
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


@command(app, "alias", ("ref", "version", "movedAt", "movedBy"))
def alias_model(
    session: Session,
    model: str = typer.Option(..., "-m", "--model", help="iris:3 to point the alias at it; a name to list its aliases."),
    alias: Optional[str] = typer.Argument(None, help="The alias, for example champion.", show_default=False),
    expected: Optional[str] = typer.Option(
        None, "--expected", help="Move it only while it points there: iris:2, or '' for nowhere.", show_default=False
    ),
    remove: bool = typer.Option(False, "--remove", help="Remove the alias of the name instead."),
):
    """Point an alias at a version, list a model's aliases, or remove one."""
    if alias is None:
        return session.portal.models.aliases(model.partition(":")[0])
    if remove:
        session.portal.models.remove_alias(model.partition(":")[0], alias)
        return {"removed": f"{model.partition(':')[0]}@{alias}"}
    return session.portal.models.set_alias(model, alias, expected=expected)


@command(app, "card")
def card_of(
    session: Session,
    model: str = MODEL,
    set_from: Optional[Path] = typer.Option(None, "--set", help="A Markdown file to make the card.", show_default=False),
):
    """Print a version's model card, or write it."""
    found = session.portal.models.get(model)
    if set_from is not None:
        found = found.update(card=set_from.read_text(encoding="utf-8"))
    return found.card


@command(app, "compare")
def compare(session: Session, model: str = MODEL, before: str = typer.Option(..., "--with", help="The version before: iris:2.")):
    """What differs between two versions: facts, schema, files by digest, card."""
    return session.portal.models.get(model).compare(before)
