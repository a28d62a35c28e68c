"""`manage.py remove_second_factor NAME`: for who lost it and has no administrator to ask, as `changepassword` is for passwords."""

from django.core.management.base import BaseCommand, CommandError

from portal.accounts.actions import system_user
from portal.accounts.models import User
from portal.accounts.second_factors import remove_second_factor
from portal.errors import PortalError


class Command(BaseCommand):
    help = "Takes somebody's second factor and recovery codes away; the password alone signs them in again."

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *args, username, **options):
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"Nobody here has the name {username}.")
        try:
            remove_second_factor(user=system_user(), person=person)
        except PortalError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{username} signs in with the password alone now.")
