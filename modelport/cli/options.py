"""The options that several commands share, under the original's names."""

from enum import Enum
from typing import Any, Optional

import typer

from ..uploads import fault


class Choice(str, Enum):
    """The original's true|false."""

    true = "true"
    false = "false"


class Kind(str, Enum):
    """What kind of service: there is one, and it may be left out."""

    realtime = "realtime"


class Access(str, Enum):
    key = "key"
    public = "public"


def flag(choice: Optional[Choice]) -> Optional[bool]:
    return None if choice is None else choice is Choice.true


def rule(said: str) -> dict:
    """FIELD=ACTION; the portal knows the actions."""
    field, equals, action = said.rpartition("=")
    if not equals:
        raise fault("collect_rules", f"{said}: write a rule as FIELD=mask.")
    return {"field": field, "action": action}


KIND: Any = typer.Argument(Kind.realtime, metavar="realtime", help="The kind of service.", show_default=False)
WAIT: Any = typer.Option(True, "--wait/--no-wait", help="Follow the steps until it is done, or answer with the operation at once.")

DRIVER: Any = typer.Option(
    None, "-f", "--driver", help="score.py, with init() and run(). Left out, it is written from the model.", show_default=False
)
RUNTIME: Any = typer.Option("python", "-r", "--runtime", help="python or spark-py.")
SCHEMA: Any = typer.Option(None, "-s", "--schema-file", help="The service's schema.", show_default=False)
PIP: Any = typer.Option(None, "-p", "--pip-file", help="requirements.txt.", show_default=False)
CONDA: Any = typer.Option(None, "-c", "--conda-file", help="A conda environment file.", show_default=False)
DEPENDENCY: Any = typer.Option(
    [], "-d", "--dependency", help="A file or folder score.py needs beside it; may be repeated.", show_default=False
)
MODEL_FILE: Any = typer.Option(
    [], "-m", "--model-file", help="A model's file or folder, to be registered; may be repeated.", show_default=False
)
PYTHON: Any = typer.Option(None, "--python", help="A Python version such as 3.11.", show_default=False)
ENVIRONMENT: Any = typer.Option(
    "", "-e", "--environment", help="Name of an environment; the group's default if left out.", show_default=False
)

IMAGE_ID: Any = typer.Option(None, "--image-id", help="An image: iris:3, or its uuid.", show_default=False)
REPLICAS: Any = typer.Option(None, "-z", "--num-replicas", help="Number of replicas.", show_default=False)
CPU: Any = typer.Option(None, "--cpu", help="Cores per replica: 0.5 or 500m.", show_default=False)
MEMORY: Any = typer.Option(None, "--memory", help="Memory per replica: 512Mi or 1G.", show_default=False)
GPUS: Any = typer.Option(None, "--gpus", help="GPUs per replica: a number, or all.", show_default=False)
WORKERS: Any = typer.Option(None, "--workers", help="Processes per replica; 0 chooses.", show_default=False)
ACCESS: Any = typer.Option(None, "--access", help="Who may call it.", show_default=False)
OPEN_PAGE: Any = typer.Option(
    None, "--open-page", help="Whether anyone with the address may read how it is called, without an account.", show_default=False
)
ORIGIN: Any = typer.Option([], "--allowed-origin", help="A web origin whose pages may call it; may be repeated.", show_default=False)
CALL_TIMEOUT: Any = typer.Option(None, "--call-timeout", help="Seconds a call may take.", show_default=False)
COLLECT: Any = typer.Option(None, "--collect-model-data", help="Keep what ModelDataCollector is given.", show_default=False)
COLLECT_RULE: Any = typer.Option(
    [],
    "--collect-rule",
    help="FIELD=drop, FIELD=hash or FIELD=mask, done before a collected row leaves the replica; may be repeated. Replaces all rules; none takes them away.",
    show_default=False,
)
COLLECT_DAYS: Any = typer.Option(None, "--collect-days", help="Days that collected rows are kept.", show_default=False)
DESCRIPTION: Any = typer.Option("", "--description", help="Words about it.", show_default=False)

SERVICE_NAME: Any = typer.Option(None, "-n", "--name", help="The service's name.", show_default=False)
SERVICE_ID: Any = typer.Option(None, "-i", "--id", help="The service's uuid, or its name.", show_default=False)
