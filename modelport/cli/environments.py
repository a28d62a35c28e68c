"""modelport env ..."""

import typer

from .session import Session, command, part

app = part("Environments: where images are built and services run.")
COLUMNS = ("name", "target", "isDefault", "reachable", "maxReplicas", "maxCpu", "maxMemory", "description")


@command(app, "list", COLUMNS)
def list_environments(session: Session):
    """The group's environments."""
    return session.portal.environments.list()


@command(app, "show", COLUMNS)
def show(session: Session, name: str = typer.Option(..., "-n", "--name", help="Its name or uuid.")):
    """One environment."""
    return session.portal.environments.get(name)
