"""Who is asking: login, logout, groups."""

import os
from typing import Optional
from urllib.parse import urlsplit

import typer

from ..config import Config
from ..errors import ClientError
from ..portal import Portal
from .session import Session, command, part

groups = part("Resource groups.")
LOCAL = ("127.0.0.1", "localhost", "::1")


def add_to(app: typer.Typer) -> None:
    command(app, "login")(login)
    command(app, "logout")(logout)


def login(
    session: Session,
    url: str = typer.Option(..., "--url", prompt="Address of the portal", envvar="MODELPORT_URL", help="The portal's address."),
    token: str = typer.Option(
        ...,
        "--token",
        prompt="Token (mpu_...)",
        hide_input=True,
        envvar="MODELPORT_TOKEN",
        help="A personal token; asked for if left out, so that it stays out of the shell's history.",
    ),
):
    """Try a token and keep it, with the address and the group, in ~/.config/modelport/config.json (mode 0600)."""
    with Portal(url, token, on_request=session.say if session.verbose else None) as portal:
        names = [group["name"] for group in portal.groups()]
        asked: Optional[str] = session.group or os.environ.get("MODELPORT_GROUP")
        if asked and asked not in names:
            raise ClientError(
                "NotFound",
                f"There is no resource group {asked}, or you are not in it. You are in: {', '.join(names) or 'none'}.",
                status=404,
            )
        group = asked or (names[0] if len(names) == 1 else "")
        address = portal.transport.url
        place = Config(address, portal.transport.token, group).save()
    if address.startswith("http://") and urlsplit(address).hostname not in LOCAL:
        session.say("This address is not https: the token can be read on its way.")
    return {"url": address, "group": group or None, "groups": names, "kept": str(place)}


def logout(session: Session):
    """Forget the kept token. It stays valid until it is revoked on your profile page."""
    Config.forget()


@command(groups, "list", ("name", "description", "createdAt"))
def list_groups(session: Session):
    """The resource groups you are in."""
    return session.portal.groups()
