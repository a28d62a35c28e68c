"""`manage.py languages`: bring the catalogues up to date with the marked texts, and say what is not translated yet."""

from django.core.management.base import BaseCommand

from portal import languages


class Command(BaseCommand):
    help = "Brings locale/*/LC_MESSAGES/django.po up to date with the sources and lists what is not translated."

    def handle(self, *args, **options):
        for language, path in languages.catalogues().items():
            languages.update(language, path)
            left = languages.missing(language, path)
            self.stdout.write(f"{language}: {len(left)} texts are not translated.")
            for text in left:
                self.stdout.write(f"  {text}")
