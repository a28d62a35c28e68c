"""Lists of operations newest first, all or of one state, by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0010_following_aliases")]

    operations = [
        migrations.AddIndex("operation", models.Index(fields=["group", "-created_at"], name="operations_newest_first")),
        migrations.AddIndex("operation", models.Index(fields=["group", "state", "-created_at"], name="operations_by_state")),
    ]
