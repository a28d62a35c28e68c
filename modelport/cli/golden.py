"""modelport golden ..."""

import json
from enum import Enum
from typing import Any, Optional

import typer

from ..uploads import existing, fault
from .session import Session, command, part

app = part("Golden requests: examples with the answers they should get, asked of every new revision.")
COLUMNS = ("name", "body", "expected", "tolerances", "updatedAt")
SERVICE = typer.Option(..., "-n", "--name", help="The service's name.")


class Policy(str, Enum):
    ask = "ask"
    stop = "stop"
    warn = "warn"


def read(given: str, field: str) -> Any:
    """JSON from a file, or as it stands."""
    text = given if given.lstrip()[:1] in ("{", "[", '"') else existing(given, field).read_text("utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise fault(field, f"This is not JSON: {error}") from None


@command(app, "list", COLUMNS)
def list_golden(session: Session, name: str = SERVICE):
    """The saved requests of a service."""
    return session.portal.golden(name).list()


@command(app, "save", COLUMNS)
def save(
    session: Session,
    name: str = SERVICE,
    request: str = typer.Option(..., "-r", "--request", help="Its name; one of that name is replaced."),
    body: str = typer.Option(..., "-d", "--data", help="What is sent: a JSON file, or JSON."),
    expected: Optional[str] = typer.Option(
        None, "--expected", help="What must come back: a JSON file, or JSON. Left out, the service is asked now.", show_default=False
    ),
    tolerance: list[str] = typer.Option([], "--tolerance", help="PLACE=RULE, such as /*/price=0.01, /id=ignore.", show_default=False),
):
    """Keep a request and the answer it should get."""
    sent = read(body, "body")
    rules: dict = {}
    for each in tolerance:
        place, _, rule = each.rpartition("=")
        try:
            rules[place] = float(rule)
        except ValueError:
            rules[place] = rule
    answer = read(expected, "expected") if expected else session.portal.services.get(name).score(sent)
    return session.portal.golden(name).save(request, sent, answer, tolerances=rules)


@command(app, "delete")
def delete(session: Session, name: str = SERVICE, request: str = typer.Option(..., "-r", "--request", help="Its name.")):
    """Let a saved request go."""
    session.portal.golden(name).delete(request)
    return {"deleted": request}


@command(app, "runs")
def runs(session: Session, name: str = SERVICE):
    """What the newest revisions answered."""
    return session.portal.golden(name).runs()


@command(app, "ask", ("name", "outcome", "said", "seconds", "differences"))
def ask(session: Session, name: str = SERVICE):
    """Ask what serves now, and compare."""
    golden = session.portal.golden(name)
    operation = golden.ask()
    operation.wait(session.on_step)
    return next(check["results"] for check in golden.checks() if check["operation"] == operation.id)


@command(app, "policy")
def policy(
    session: Session,
    name: str = SERVICE,
    set: Optional[Policy] = typer.Option(None, "--set", help="What happens when answers change.", show_default=False),
):
    """Show, or set, what happens when answers change: ask a person, stop the rollout, or warn and go on."""
    golden = session.portal.golden(name)
    if set is not None:
        golden.policy = set.value
    return {"policy": golden.policy}
