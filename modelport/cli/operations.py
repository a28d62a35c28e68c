"""modelport operation ..."""

from typing import Optional

import typer

from .session import Session, command, part

app = part("Operations: builds and rollouts, while they go on and afterwards.")
COLUMNS = ("id", "operationType", "label", "state", "createdAt", "endedAt")
ID = typer.Option(..., "-i", "--id", help="The operation's uuid.")


@command(app, "list", COLUMNS)
def list_operations(session: Session, limit: int = typer.Option(50, "--limit", min=1, help="At most so many.")):
    """The latest operations."""
    return session.portal.operations.list(limit=limit)


@command(app, "show", COLUMNS)
def show(session: Session, id: str = ID):
    """One operation with its steps."""
    return session.portal.operations.get(id)


@command(app, "log")
def log(
    session: Session,
    id: str = ID,
    step: Optional[str] = typer.Option(None, "--step", help="Only the step of this name.", show_default=False),
):
    """What its steps wrote."""
    return session.portal.operations.get(id).log(step)


@command(app, "cancel", COLUMNS)
def cancel(session: Session, id: str = ID):
    """Stop it."""
    return session.portal.operations.get(id).cancel()


@command(app, "rerun", COLUMNS)
def rerun(session: Session, id: str = ID):
    """Do again what failed or was cancelled."""
    return session.portal.operations.get(id).rerun()


@command(app, "answers")
def answers(session: Session, id: str = ID):
    """What its revision answered to the service's golden requests."""
    return session.portal.operations.get(id).answers()


@command(app, "approve", COLUMNS)
def approve(session: Session, id: str = ID, save: bool = typer.Option(False, "--save", help="Keep the new answers as the expected ones.")):
    """Changed answers are right: let it go on."""
    return session.portal.operations.get(id).approve(save=save)


@command(app, "reject", COLUMNS)
def reject(session: Session, id: str = ID):
    """Changed answers are wrong: the new revision goes."""
    return session.portal.operations.get(id).reject()


@command(app, "apply-proposal", COLUMNS)
def apply_proposal(session: Session, id: str = ID):
    """Make the change that a failed build proposes, in a new manifest, and build that."""
    return session.portal.operations.get(id).apply_proposal()


@command(app, "wait", COLUMNS)
def wait(
    session: Session,
    id: str = ID,
    timeout: Optional[float] = typer.Option(None, "--timeout", min=0, help="Seconds; without end if left out.", show_default=False),
):
    """Follow its steps until it ends, and after a build those of the rollout that follows."""
    return session.portal.operations.get(id).wait(session.on_step, timeout=timeout)
