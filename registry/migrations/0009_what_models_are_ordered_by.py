"""Lists of models are ordered by an index: the name, the person's name and the number of uses stand on the version itself."""

from django.db import migrations, models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce


def gather(apps, schema_editor):
    """As `register_model` and `registry.usage.count_manifests` write them."""
    uses = apps.get_model("registry", "ManifestModel").objects.order_by().filter(version=OuterRef("pk"))
    names = apps.get_model("registry", "RegisteredModel").objects.order_by().filter(pk=OuterRef("model_id"))
    people = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("created_by_id"))
    apps.get_model("registry", "ModelVersion").objects.update(
        name=Subquery(names.values("name")),
        manifest_count=Coalesce(Subquery(uses.values("version").annotate(count=Count("pk")).values("count")), 0),
        registered_by=Coalesce(Subquery(people.values("username")), models.Value("")),
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_built_images"), ("accounts", "0005_events_found_by_trigrams")]

    operations = [
        migrations.AddField("modelversion", "name", models.CharField(default="", editable=False, max_length=32), preserve_default=False),
        migrations.AddField("modelversion", "manifest_count", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField(
            "modelversion", "registered_by", models.CharField(blank=True, default="", editable=False, max_length=150)
        ),
        # Every row is written once more, which would leave it more than twice as large and slow; the next migration makes it anew.
        migrations.RunSQL('DROP INDEX IF EXISTS "versions_by_text"', migrations.RunSQL.noop),
        migrations.RunPython(gather, migrations.RunPython.noop),
    ]
