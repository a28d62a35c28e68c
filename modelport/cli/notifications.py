"""modelport notifications ..."""

from typing import Optional

import typer

from .session import Session, command, part

app = part("What happened to you and your services, and what of it comes as mail.")
COLUMNS = ("createdAt", "new", "kind", "group", "message", "subject")
SWITCHES = ("sendsMail", "address", "kinds", "language")


@command(app, "list", COLUMNS)
def list_notifications(
    session: Session,
    all: bool = typer.Option(False, "--all", help="Also those that are not new any more, of the last 30 days."),
):
    """What is new, newest first."""
    return [one for one in session.portal.notifications() if all or one["new"]]


@command(app, "read", ("until",))
def read(
    session: Session,
    until: Optional[str] = typer.Option(None, "--until", help="Up to this moment (ISO 8601); now if left out.", show_default=False),
):
    """Mark them as read."""
    return {"until": session.portal.read_notifications(until)}


@command(app, "mail", SWITCHES)
def mail(
    session: Session,
    kind: list[str] = typer.Option(
        [],
        "--kind",
        help="Comes as mail; again for several, and all others stop: operation.failed, operation.waiting, operation.done, "
        "service.unhealthy, alias.moved, membership.",
    ),
    none: bool = typer.Option(False, "--none", help="Nothing comes as mail."),
    language: Optional[str] = typer.Option(None, "--language", help="en or zh-hant.", show_default=False),
):
    """Show which notifications come as mail, or choose them."""
    if not (kind or none or language):
        return session.portal.mail_switches()
    return session.portal.choose_mails(kinds=kind if kind or none else None, language=language)
