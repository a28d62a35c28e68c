"""Lists of model versions are by group and newest first: one index for both needs the group on the version."""

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, schema_editor):
    version, model = apps.get_model("registry", "ModelVersion"), apps.get_model("registry", "RegisteredModel")
    group = model.objects.filter(pk=models.OuterRef("model")).values("group")
    version.objects.filter(group=None).update(group=models.Subquery(group))


class Migration(migrations.Migration):
    # PostgreSQL does not alter a table whose rows were written in the same transaction.
    atomic = False

    dependencies = [
        ("accounts", "0001_people_groups_tokens_events"),
        ("registry", "0001_assets_models_manifests_images"),
    ]

    operations = [
        migrations.AddField(
            "modelversion",
            "group",
            models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="model_versions", to="accounts.resourcegroup"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            "modelversion",
            "group",
            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="model_versions", to="accounts.resourcegroup"),
        ),
        migrations.AddIndex("modelversion", models.Index(fields=["group", "-created_at", "id"], name="versions_newest_first")),
    ]
