"""`manage.py setup`: the tables, the cache and the pages' files, without starting anything."""

from django.core.management.base import BaseCommand

from portal.supervisor.prepare import prepare


class Command(BaseCommand):
    help = "Brings the data folder up to date; `start` does this too."

    def handle(self, *args, **options):
        prepare(self.stdout.write)
        self.stdout.write("Ready.")
