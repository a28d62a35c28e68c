"""What one person did, by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_events_found_quickly")]

    operations = [migrations.AddIndex("event", models.Index(fields=["group", "actor_label", "-id"], name="events_of_a_person"))]
