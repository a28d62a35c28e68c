"""What a new group gets from this app, what goes with somebody's rights, and what an alias takes along."""

from django.dispatch import receiver

from deployments import tasks
from deployments.actions.environments import create_local_environment
from deployments.actions.following import update_followers
from deployments.models import ServiceKey
from portal.accounts.actions import access_reduced, group_created
from portal.accounts.permissions import Permission, roles_with
from registry.actions.aliases import alias_moved


@receiver(group_created)
def furnish(sender, group, user, **kwargs) -> None:
    """An environment that works on this machine, so that the group can deploy at once."""
    create_local_environment(group=group, user=user)


@receiver(access_reduced)
def take_session_keys(sender, group, user, **kwargs) -> None:
    """Keys for *Try it* stand for a person's right to call, and end with it."""
    if group.memberships.filter(user=user, role__in=roles_with(Permission.SERVICE_SCORE)).exists():
        return
    if ServiceKey.objects.filter(slot=ServiceKey.Slot.SESSION, user=user, service__group=group).delete()[0]:
        tasks.sync_gateway.delay_on_commit()


@receiver(alias_moved)
def move_services_too(sender, alias, user, **kwargs) -> None:
    """Services that follow the alias are updated, or the move is refused with them."""
    update_followers(user=user, alias=alias)
