"""How many images of a group are built is counted in an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0007_texts_found_by_trigrams")]

    operations = [
        migrations.AddIndex("image", models.Index(fields=["group"], condition=~models.Q(digest=""), name="built_images")),
    ]
