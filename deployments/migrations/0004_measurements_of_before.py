"""Traffic that was kept in one span only is put into the longer ones too, and into that of all time."""

from collections import defaultdict
from datetime import UTC, datetime

from django.db import migrations

SPANS, ALL_TIME = (60, 3600), 0
SUMS = ("calls", "microseconds", "bytes_in", "bytes_out")


def spread(apps, schema_editor):
    TrafficBucket = apps.get_model("deployments", "TrafficBucket")
    found = defaultdict(lambda: [defaultdict(int), defaultdict(int)])
    for row in TrafficBucket.objects.all().iterator():
        for span in [span for span in SPANS if span >= row.span] + [ALL_TIME]:
            second = int(row.starts_at.timestamp())
            starts_at = datetime.fromtimestamp(second - second % span if span else 0, UTC)
            sums, latencies = found[row.service_id, row.revision, row.status, starts_at, span]
            for name in SUMS:
                sums[name] += getattr(row, name)
            for bucket, count in row.latencies.items():
                latencies[bucket] += count
    TrafficBucket.objects.filter(span__in=SPANS).delete()
    names = ("service_id", "revision", "status", "starts_at", "span")
    TrafficBucket.objects.bulk_create(
        [TrafficBucket(**dict(zip(names, place)), **sums, latencies=dict(latencies)) for place, (sums, latencies) in found.items()],
        batch_size=200,
    )


class Migration(migrations.Migration):
    dependencies = [("deployments", "0003_measurements")]
    operations = [migrations.RunPython(spread, migrations.RunPython.noop)]
