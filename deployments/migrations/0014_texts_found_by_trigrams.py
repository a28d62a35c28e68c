"""A text that few operations hold is found without looking through a year of them; so are operations of a kind, and what is coming."""

from django.db import migrations, models

from portal.text_indexes import AddTextIndex


class Migration(migrations.Migration):
    dependencies = [("deployments", "0013_load_of_replicas")]

    operations = [
        migrations.AddIndex("operation", models.Index(fields=["group", "kind", "-created_at"], name="operations_by_kind")),
        migrations.AddIndex(
            "revision",
            models.Index(fields=["service"], condition=models.Q(state__in=["Pending", "Rolling"]), name="coming_revisions"),
        ),
        AddTextIndex("operations_by_label", "deployments_operation", 'UPPER("label"::text)'),
    ]
