"""The operations of a service, the newest first, by an index: notifications ask for those of one's own services."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0014_texts_found_by_trigrams")]

    operations = [
        migrations.AddIndex("operation", models.Index(fields=["service", "-created_at"], name="operations_of_a_service")),
    ]
