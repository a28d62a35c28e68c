"""What was measured, rolled up into stretches of time. Scoring never waits for it; what the observer loses is lost for the charts alone."""

from __future__ import annotations

from django.db import models

from portal.accounts.permissions import scoped


class Bucket(models.Model):
    """One stretch of time of one service: `starts_at` and `span` seconds from there; a span of 0 is all time.

    `PLACE` names the fields that say what is measured, `add` puts another row of the same place into this one.
    """

    PLACE: tuple[str, ...] = ()
    MEASURED: tuple[str, ...] = ()

    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    span = models.PositiveIntegerField(default=10)

    objects = scoped("service__group").as_manager()

    class Meta:
        abstract = True

    def place(self) -> tuple:
        return tuple(getattr(self, name) for name in ("service_id", "starts_at", "span", *self.PLACE))

    def add(self, more: Bucket) -> None:
        raise NotImplementedError


class TrafficBucket(Bucket):
    """The calls of one service, revision, status and key.

    `key` is the id of a primary or secondary key, "session" for all keys of *Try it*, or "" where there was none.
    `latencies` are counts by bucket of deployments.telemetry.histogram, whose bounds never change.
    """

    PLACE = ("revision", "status", "key")
    MEASURED = ("calls", "microseconds", "bytes_in", "bytes_out", "latencies")

    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="traffic")
    revision = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=12, blank=True, default="")
    calls = models.PositiveIntegerField(default=0)
    microseconds = models.BigIntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)
    latencies = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "revision", "status", "key", "starts_at", "span"], name="one_traffic_bucket")
        ]
        indexes = [models.Index(fields=["service", "span", "starts_at"])]

    def add(self, more: TrafficBucket) -> None:
        self.calls += more.calls
        self.microseconds += more.microseconds
        self.bytes_in += more.bytes_in
        self.bytes_out += more.bytes_out
        self.latencies = {
            bucket: self.latencies.get(bucket, 0) + more.latencies.get(bucket, 0) for bucket in {**self.latencies, **more.latencies}
        }


class UsageBucket(Bucket):
    """CPU (cores) and memory (bytes) of one replica: sums over `samples`, and the most that was seen.

    `running` (processes that call run()) and `waiting` (requests) are what it said itself, as sums over `scrapes`.
    """

    PLACE = ("revision", "replica")
    MEASURED = ("samples", "cpu", "cpu_most", "memory", "memory_most", "scrapes", "running", "waiting", "waiting_most")

    revision = models.PositiveIntegerField()
    replica = models.CharField(max_length=100)
    samples = models.PositiveIntegerField(default=1)
    cpu = models.FloatField()
    cpu_most = models.FloatField()
    memory = models.BigIntegerField()
    memory_most = models.BigIntegerField()
    scrapes = models.PositiveIntegerField(default=0)
    running = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    waiting_most = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "revision", "replica", "starts_at", "span"], name="one_usage_bucket")]
        indexes = [models.Index(fields=["service", "span", "starts_at"])]

    def add(self, more: UsageBucket) -> None:
        self.samples += more.samples
        self.cpu += more.cpu
        self.memory += more.memory
        self.cpu_most, self.memory_most = max(self.cpu_most, more.cpu_most), max(self.memory_most, more.memory_most)
        self.scrapes += more.scrapes
        self.running += more.running
        self.waiting += more.waiting
        self.waiting_most = max(self.waiting_most, more.waiting_most)


class ReadinessBucket(Bucket):
    """Replicas that were ready, as a sum over `samples` and the least; `desired` is the last that was wanted."""

    MEASURED = ("samples", "ready", "ready_least", "desired")

    samples = models.PositiveIntegerField(default=1)
    ready = models.PositiveIntegerField()
    ready_least = models.PositiveIntegerField()
    desired = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "starts_at", "span"], name="one_readiness_bucket")]

    def add(self, more: ReadinessBucket) -> None:
        self.samples += more.samples
        self.ready += more.ready
        self.ready_least, self.desired = min(self.ready_least, more.ready_least), more.desired
