"""Golden requests, what revisions answered to them, and the rule for changed answers."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

OPERATION_STATES = [
    ("NotStarted", "Queued"),
    ("Running", "Running"),
    ("Waiting", "Waits for a person"),
    ("Succeeded", "Succeeded"),
    ("Failed", "Failed"),
    ("Cancelled", "Cancelled"),
]
RUN_STATES = [
    ("Passed", "Same answers"),
    ("Warned", "Changed, and let through by the rule"),
    ("Stopped", "Changed, and stopped by the rule"),
    ("Waiting", "Waits for a person"),
    ("Approved", "Approved"),
    ("Rejected", "Rejected"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0007_gpus"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            "operation", "state", models.CharField(choices=OPERATION_STATES, db_index=True, default="NotStarted", max_length=16)
        ),
        migrations.AddField(
            "service",
            "golden_policy",
            models.CharField(
                choices=[("ask", "Ask a person"), ("stop", "Stop the rollout"), ("warn", "Say so, and go on")], default="ask", max_length=8
            ),
        ),
        migrations.CreateModel(
            name="GoldenRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64)),
                ("body", models.TextField()),
                ("expected", models.TextField()),
                ("tolerances", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="golden_requests", to="deployments.service"
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.AddConstraint("goldenrequest", models.UniqueConstraint(fields=("service", "name"), name="one_golden_request_per_name")),
        migrations.CreateModel(
            name="GoldenRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(choices=RUN_STATES, max_length=16)),
                ("results_text", models.TextField(default="[]")),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "revision",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="golden_run", to="deployments.revision"),
                ),
            ],
            options={"abstract": False},
        ),
    ]
