"""Indexes that the orders of the list of models walk along, made after the columns were filled."""

from django.db import migrations, models

from portal.text_indexes import AddTextIndex


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_what_models_are_ordered_by")]

    operations = [
        migrations.AddIndex("modelversion", models.Index(fields=["group", "name", "-number"], name="versions_by_name")),
        migrations.AddIndex("modelversion", models.Index(fields=["group", "manifest_count", "created_at", "-id"], name="versions_by_use")),
        migrations.AddIndex("modelversion", models.Index(fields=["group", "registered_by", "-created_at", "id"], name="versions_by_person")),
        AddTextIndex("versions_by_text", "registry_modelversion", '"words"'),
    ]
