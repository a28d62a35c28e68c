"""Lists newest first by an index, and what is searched of a model version in one column."""

from django.db import migrations, models

PORTION = 1000


def gather(apps, schema_editor):
    """As `ModelVersion.gather_words` writes it."""
    versions = apps.get_model("registry", "ModelVersion").objects.select_related("model").prefetch_related("tags")
    portion = []
    for version in versions.iterator(chunk_size=PORTION):
        tags = [tag.word for tag in version.tags.all()]
        version.words = "\n".join([version.model.name, version.framework, version.description, *tags]).lower()
        portion.append(version)
        if len(portion) == PORTION:
            versions.model.objects.bulk_update(portion, ["words"])
            portion = []
    versions.model.objects.bulk_update(portion, ["words"])


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_manifest_drafts")]

    operations = [
        migrations.AddField("modelversion", "words", models.TextField(blank=True, default="", editable=False)),
        migrations.RunPython(gather, migrations.RunPython.noop),
        migrations.AddIndex("image", models.Index(fields=["group", "-created_at"], name="images_newest_first")),
        migrations.AddIndex("manifest", models.Index(fields=["group", "-created_at"], name="manifests_newest_first")),
    ]
