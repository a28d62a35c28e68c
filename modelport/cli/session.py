"""What every command shares: whose portal, how it prints, what becomes of errors and of waiting."""

import functools
import inspect
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, Optional

import typer

from ..errors import ClientError
from ..operations import Operation
from ..portal import Portal
from ..resources import Resource

INTERRUPTED = 130
#: files that get a line each while they are sent, and after how many more a line says how far it is
NAMED, COUNTED = 20, 1000


class Format(str, Enum):
    json = "json"
    table = "table"


class Session:
    """One run of one command."""

    def __init__(self, group: Optional[str] = None, output: Optional[Format] = None, verbose: bool = False, columns: tuple = ()):
        self.group, self.output, self.verbose, self.columns = group, output, verbose, columns
        self._portal: Optional[Portal] = None
        self._files_sent = 0

    @property
    def portal(self) -> Portal:
        if self._portal is None:
            self._portal = Portal.saved(self.group, on_request=self.say if self.verbose else None)
        return self._portal

    def say(self, text: str) -> None:
        """Words for people go to standard error, so that standard output stays what a program can read."""
        typer.echo(text, err=True)

    def show(self, what: Any) -> None:
        """JSON, or a table; text (a log) as it is unless JSON was asked for."""
        what = plain(what)
        if what is None:
            return
        if isinstance(what, str) and self.output is not Format.json:
            typer.echo(what, nl=not what.endswith("\n"))
        elif self.output is Format.table:
            typer.echo(table(what, self.columns))
        else:
            typer.echo(json.dumps(what, indent=2, ensure_ascii=False))

    def on_file(self, path: str, size: int) -> None:
        self._files_sent += 1
        if self._files_sent <= NAMED:
            self.say(f"{path}: {size:,} bytes sent")
        elif self._files_sent % COUNTED == 0:
            self.say(f"{self._files_sent:,} files sent")

    def on_step(self, step: dict) -> None:
        note = f" ({step['note']})" if step["note"] else ""
        took = f" {step['seconds']:.1f} s" if step["state"] != "Running" else ""
        self.say(f"{step['name']:<12} {step['state']}{took}: {step['title']}{note}")

    def follow(self, operation: Operation, wait: bool, **more: Any) -> Any:
        """What the operation made, with `more` fields, or, without waiting, the operation as it is now.

        Keys are shown once: when the waiting fails they are printed before the error is.
        """
        if not wait:
            return {**operation.data, **more}
        try:
            made = operation.result(self.on_step)
        except (ClientError, KeyboardInterrupt):
            if operation.keys:
                self.show({**operation.data, **more})
            raise
        kept = {name: operation.data[name] for name in ("keys", "models", "manifest") if operation.data.get(name)}
        if made is None:
            return more or None
        return {**made.data, **kept, **more}


def plain(what: Any) -> Any:
    if isinstance(what, Resource):
        return what.data
    if isinstance(what, (list, tuple)):
        return [plain(each) for each in what]
    return what


def table(what: Any, columns: tuple = ()) -> str:
    """Rows under headings; one thing is a table of one row, or, without columns, its fields down the page."""
    if isinstance(what, dict) and not columns:
        rows = [[name, _cell(value)] for name, value in what.items()]
        heads = ["Field", "Value"]
    else:
        found = what if isinstance(what, list) else [what]
        columns = columns or tuple(found[0] if found else ())
        heads = [name[:1].upper() + name[1:] for name in columns]
        rows = [[_cell(row.get(name)) for name in columns] for row in found]
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in [heads, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value).replace("\n", " ")


COMMON = {
    "group": (
        Optional[str],
        typer.Option(
            None, "--group", "-g", help="Resource group; MODELPORT_GROUP or the one of the login if left out.", show_default=False
        ),
    ),
    "output": (
        Optional[Format],
        typer.Option(None, "--output", "-o", help="json (the default) or table.", show_default=False, case_sensitive=False),
    ),
    "verbose": (bool, typer.Option(False, "--verbose", "-v", help="Tell each request on standard error.")),
}


def command(app: typer.Typer, name: str, columns: tuple = ()) -> Callable:
    """Declares a command: a function of a Session and its own options that answers with what is to be printed.

    Adds the options that every command has, and turns errors into one JSON object on standard error and exit code 1.
    """

    def declare(function: Callable) -> Callable:
        own = [*inspect.signature(function).parameters.values()][1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
            for key, (kind, option) in COMMON.items()
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            session = Session(*(given.pop(key) for key in COMMON), columns=columns)
            try:
                session.show(function(session, **given))
            except ClientError as error:
                complain(error.as_dict())
                raise typer.Exit(1) from None
            except BrokenPipeError:
                raise  # whoever read our output has seen enough (| head); typer ends quietly
            except OSError as error:
                complain(ClientError("LocalFault", f"{error.filename or 'This machine'}: {error.strerror or error}").as_dict())
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                error = ClientError("Interrupted", "Stopped here. What was begun on the portal goes on: modelport operation list")
                complain(error.as_dict())
                raise typer.Exit(INTERRUPTED) from None

        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name)(run)
        return function

    return declare


def complain(error: dict) -> None:
    typer.echo(json.dumps(error, indent=2, ensure_ascii=False), err=True)


def part(help: str) -> typer.Typer:
    """The commands of one noun."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def given(**values: Any) -> dict:
    """Only what was said, so that the portal's defaults hold for the rest."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}
