"""What is searched in the log of events is found by indexes: the names of things by trigrams, requests by their ids."""

from django.db import migrations, models

from portal.text_indexes import AddTextIndex


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_events_of_a_person")]

    operations = [
        migrations.AddIndex("event", models.Index(fields=["request_id"], name="events_of_a_request")),
        AddTextIndex("events_by_subject", "accounts_event", 'UPPER("subject_label"::text)'),
    ]
