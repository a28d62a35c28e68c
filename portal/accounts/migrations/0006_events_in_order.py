"""The log of events is ordered by what was changed, and by what was done, along an index; names of people are found by trigrams."""

from django.db import migrations, models

from portal.text_indexes import AddTextIndex


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_events_found_by_trigrams")]

    operations = [
        migrations.AddIndex("event", models.Index(fields=["group", "subject_label", "-id"], name="events_by_thing")),
        migrations.AddIndex("event", models.Index(fields=["group", "tag", "-id"], name="events_by_tag")),
        AddTextIndex("events_by_person", "accounts_event", 'UPPER("actor_label"::text)'),
    ]
