"""What a new group gets from this app."""

from django.dispatch import receiver

from deployments.actions.environments import create_local_environment
from portal.accounts.actions import group_created


@receiver(group_created)
def furnish(sender, group, user, **kwargs) -> None:
    """An environment that works on this machine, so that the group can deploy at once."""
    create_local_environment(group=group, user=user)
