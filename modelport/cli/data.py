"""modelport service data ..."""

from typing import Any, Optional

import typer

from . import options as o
from .services import the
from .session import Session, command, given, part

app = part("Collected data: what score.py handed to its data collectors, by day (UTC).")
COLUMNS = ("day", "identifier", "model", "modelVersion", "rows", "bytes", "dropped")
FROM: Any = typer.Option("", "--from", help="The first day: 2026-01-31.", show_default=False)
TO: Any = typer.Option("", "--to", help="The last day.", show_default=False)
MODEL: Any = typer.Option("", "--model", help="Only collectors of this model.", show_default=False)
VERSION: Any = typer.Option("", "--model-version", help="Only of this version.", show_default=False)
IDENTIFIER: Any = typer.Option("", "--identifier", help="Only collectors of this name, such as inputs.", show_default=False)


def stream(model: str, version: str, identifier: str) -> dict:
    return given(model=model, model_version=version, identifier=identifier)


@command(app, "list", COLUMNS)
def list_days(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    first: str = FROM,
    last: str = TO,
    model: str = MODEL,
    model_version: str = VERSION,
    identifier: str = IDENTIFIER,
):
    """Days and collectors, newest first."""
    return the(session, name, id).collected.days(first, last, **stream(model, model_version, identifier))


@command(app, "show")
def show(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    day: str = typer.Option(..., "--day", help="The day: 2026-01-31."),
    model: str = MODEL,
    model_version: str = VERSION,
    identifier: str = IDENTIFIER,
):
    """The first 50 rows of a day, with what belongs to the same request side by side."""
    return the(session, name, id).collected.preview(day, **stream(model, model_version, identifier))


@command(app, "download")
def download(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    to_file: str = typer.Option(..., "--file", help="The file to write; .csv, .jsonl or .parquet says the format."),
    first: str = FROM,
    last: str = TO,
    model: str = MODEL,
    model_version: str = VERSION,
    identifier: str = IDENTIFIER,
):
    """All rows of a range of days as one file."""
    chosen = stream(model, model_version, identifier)
    path = the(session, name, id).collected.download(to_file, first=first, last=last, **chosen)
    return {"path": str(path), "bytes": path.stat().st_size}


@command(app, "delete")
def delete(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    first: str = typer.Option(..., "--from", help="The first day to delete: 2026-01-31."),
    last: str = typer.Option("", "--to", help="The last day; the same if left out.", show_default=False),
    model: str = MODEL,
    model_version: str = VERSION,
    identifier: str = IDENTIFIER,
):
    """Delete the rows of a range of days for good; for Owners."""
    return {"deletedRows": the(session, name, id).collected.delete(first, last, **stream(model, model_version, identifier))}
