"""Changes to environments."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from deployments import engines, tasks
from deployments.models import Environment
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict

#: where `manage.py choose_environment` keeps what it found, in the data folder
TARGET_FILE, NOTE_FILE = "environment_target", "environment_note"
LIMITS = ("max_replicas", "max_cpu", "max_memory")


@transaction.atomic
def create_environment(
    *, user, group, name: str, target: str, description: str = "", is_default: bool = False, note: str = "", **limits
) -> Environment:
    """`target` is an alias that operators defined; a connection test is sent off at once."""
    require(user, Permission.ENVIRONMENT_WRITE, group)
    engines.entry(target)
    environment = Environment(group=group, name=name, target=target, description=description, note=note, **_limits(limits))
    environment.clean_fields()
    if Environment.objects.filter(group=group, name=name).exists():
        raise Conflict(
            _("An environment called %(name)s exists already.") % {"name": name},
            code="NameTaken",
            details=[{"code": "Taken", "message": "Choose another name.", "field": "name"}],
        )
    environment.is_default = is_default or not group.environments.exists()
    if environment.is_default:
        group.environments.update(is_default=False)
    environment.save()
    record(user, EventTag.ENVIRONMENT_CREATED, environment, target=target)
    tasks.check_environment.delay_on_commit(str(environment.pk))
    return environment


def _limits(given: dict) -> dict:
    return {name: value for name, value in given.items() if name in LIMITS and value is not None}


@transaction.atomic
def update_environment(
    *, user, environment: Environment, description: str | None = None, is_default: bool | None = None, **limits
) -> Environment:
    """Limits hold for the next deployment; what runs keeps running. The target never changes."""
    require(user, Permission.ENVIRONMENT_WRITE, environment.group)
    if description is not None:
        environment.description = description
    for name, value in _limits(limits).items():
        setattr(environment, name, value)
    environment.clean_fields()
    if is_default:
        environment.group.environments.update(is_default=False)
        environment.is_default = True
    environment.save()
    record(user, EventTag.ENVIRONMENT_UPDATED, environment)
    return environment


@transaction.atomic
def delete_environment(*, user, environment: Environment) -> None:
    require(user, Permission.ENVIRONMENT_WRITE, environment.group)
    services = list(environment.services.values_list("name", flat=True)[:5])
    if services:
        raise Conflict(
            _("%(environment)s is used by service %(services)s. Delete or move those first.")
            % {"environment": environment, "services": ", ".join(services)},
            code="InUse",
        )
    record(user, EventTag.ENVIRONMENT_DELETED, environment)
    environment.delete()


def test_environment(*, user, environment: Environment) -> None:
    """Asks a worker to look (the web process never talks to an engine); `checked_at` tells when it has."""
    require(user, Permission.ENVIRONMENT_READ, environment.group)
    tasks.check_environment.delay(str(environment.pk))


def create_local_environment(*, group, user) -> Environment:
    """What a new group gets: an environment that works on this machine.

    Docker or processes was decided at the first start, when the engine was looked for
    (`manage.py choose_environment` keeps the answer and its reason in the data folder).
    """
    preferred, note = preferred_target(), settings.DATA_DIR / NOTE_FILE
    return create_environment(
        user=user,
        group=group,
        name="local",
        target=preferred,
        description=engines.title(preferred),
        is_default=True,
        note=note.read_text().strip() if note.exists() else "",
    )


def preferred_target() -> str:
    """docker or process, as found by `manage.py choose_environment`; docker until it has looked."""
    path = settings.DATA_DIR / TARGET_FILE
    chosen = path.read_text().strip() if path.exists() else "docker"
    return chosen if chosen in engines.aliases() else engines.aliases()[0]
