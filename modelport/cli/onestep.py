"""Files in, an image or a service out: what `image create` and `service create` share."""

import re
from typing import Any, Optional

from ..operations import Operation
from ..uploads import existing, fault
from .session import Session


def model_name(file: str) -> str:
    """The name a model file is registered under: its own, as far as names may look."""
    name = re.sub(r"[^a-z0-9.-]+", "-", existing(file, "models").resolve().name.lower()).strip("-.")[:32].strip("-.")
    if len(name) < 3:
        raise fault("models", f"{file} has no name that a model may have. Register it first: modelport model register -m {file} -n NAME")
    return name


def register(session: Session, files: list) -> list:
    """Each file or folder as a model of its own; their ids."""
    registered = []
    for file in files:
        model = session.portal.models.register(file, model_name(file), on_file=session.on_file)
        session.say(f"registered {model.ref}")
        registered.append(model.ref)
    return registered


def deploy(session: Session, name: str, model_files: list, driver: Optional[str], **rest: Any) -> Operation:
    """One model goes along with the call, which is all or nothing; several are registered first, each under its own name."""
    if len(model_files) == 1:
        rest["model"], rest["model_name"] = model_files[0], name
    elif model_files:
        rest["models"] = register(session, model_files)
    return session.portal.deploy(name, driver, on_file=session.on_file, **rest)


def refuse_both(said: str, registered: Any, **unregistered: Any) -> None:
    """An id of something registered, or the files to make it from, but not both and not neither."""
    used = [name for name, value in unregistered.items() if value]
    if registered and used:
        raise fault(used[0], f"{said} says what to use already; leave out {', '.join(used)}.")
    if not registered and not unregistered.get("driver") and not unregistered.get("model_file"):
        raise fault("driver", f"Give {said}, or a model with -m, or score.py with -f and what it needs (-m, -s, -p or -c, -d).")
