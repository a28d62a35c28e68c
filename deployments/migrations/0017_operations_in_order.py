"""Lists of operations are ordered by an index, by what and by whom; the person's name stands on the row for that."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery

from portal.text_indexes import AddTextIndex


def gather(apps, schema_editor):
    """As `Operation.save` writes it."""
    people = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("created_by_id"))
    operations = apps.get_model("deployments", "Operation").objects.exclude(created_by=None)
    operations.update(asked_by=Subquery(people.values("username")))


class Migration(migrations.Migration):
    dependencies = [("deployments", "0016_open_pages"), ("accounts", "0006_events_in_order")]

    operations = [
        migrations.AddField("operation", "asked_by", models.CharField(blank=True, default="", editable=False, max_length=150)),
        # Every row is written once more, which would leave it large and slow; it is made anew below.
        migrations.RunSQL('DROP INDEX IF EXISTS "operations_by_label"', migrations.RunSQL.noop),
        migrations.RunPython(gather, migrations.RunPython.noop),
        migrations.AddIndex("operation", models.Index(fields=["group", "label", "-created_at"], name="operations_by_name")),
        migrations.AddIndex("operation", models.Index(fields=["group", "asked_by", "-created_at"], name="operations_by_person")),
        AddTextIndex("operations_by_label", "deployments_operation", 'UPPER("label"::text)'),
    ]
