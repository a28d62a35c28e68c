"""Puts the commands together."""

import typer

from . import data, environments, golden, images, manifests, models, notifications, operations, people, services

app = typer.Typer(
    help="Models, manifests, images and services of a Modelport portal.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
people.add_to(app)
services.app.add_typer(data.app, name="data")
for name, part in (
    ("group", people.groups),
    ("model", models.app),
    ("manifest", manifests.app),
    ("image", images.app),
    ("env", environments.app),
    ("service", services.app),
    ("golden", golden.app),
    ("operation", operations.app),
    ("notifications", notifications.app),
):
    app.add_typer(part, name=name)


def main() -> None:
    app()
