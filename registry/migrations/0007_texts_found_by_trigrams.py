"""A text that few model versions, manifests or images hold is found without looking through all of them; versions by size and framework too."""

from django.db import migrations, models

from portal.text_indexes import AddTextIndex


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_newest_first_and_words")]

    operations = [
        migrations.AddIndex("modelversion", models.Index(fields=["group", "size"], name="versions_by_size")),
        migrations.AddIndex("modelversion", models.Index(fields=["group", "framework"], name="versions_by_framework")),
        AddTextIndex("versions_by_text", "registry_modelversion", '"words"'),
        AddTextIndex("manifests_by_name", "registry_manifest", '"name"'),
        AddTextIndex("manifests_by_description", "registry_manifest", 'UPPER("description"::text)'),
        AddTextIndex("images_by_name", "registry_image", '"name"'),
        AddTextIndex("images_by_description", "registry_image", 'UPPER("description"::text)'),
    ]
