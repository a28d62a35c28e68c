"""The audit log newest first, by time, and of one thing, by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_preferences_and_saved_views")]

    operations = [
        migrations.AddIndex("event", models.Index(fields=["group", "-id"], name="events_newest_first")),
        migrations.AddIndex("event", models.Index(fields=["group", "created_at"], name="events_by_time")),
        migrations.AddIndex("event", models.Index(fields=["subject_id", "-id"], name="events_of_a_subject")),
    ]
