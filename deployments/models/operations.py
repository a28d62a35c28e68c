"""Asynchronous work. The row holds the work; a message only says "look".

NotStarted ──> Running ──> Succeeded
    │  ^         │  │ └──> Failed
    │  ├─ retry ─┘  │
    │  └─ Waiting <─┤        for a person's decision: approved, or Failed
    └───────────────┴────> Cancelled
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import ScopedQuerySet
from portal.errors import IllegalMove
from portal.states import Stateful
from portal.told import in_words


class Operation(Stateful):
    """What was asked, how far it is, and how it ended. `fence` is raised by each claim and carried by every write."""

    class Kind(models.TextChoices):
        IMAGE = "Image", _("Build image")
        SERVICE = "Service", _("Roll out service")
        DELETE = "Delete", _("Delete service")
        GOLDEN = "Golden", _("Ask golden requests")

    class State(models.TextChoices):
        NOT_STARTED = "NotStarted", _("Queued")
        RUNNING = "Running", _("Running")
        WAITING = "Waiting", _("Waits for a person")
        SUCCEEDED = "Succeeded", _("Succeeded")
        FAILED = "Failed", _("Failed")
        CANCELLED = "Cancelled", _("Cancelled")

    MOVES = {
        State.NOT_STARTED: {State.RUNNING, State.CANCELLED, State.FAILED},
        State.RUNNING: {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.NOT_STARTED, State.WAITING},
        State.WAITING: {State.NOT_STARTED, State.FAILED, State.CANCELLED},
        State.SUCCEEDED: set(),
        State.FAILED: set(),
        State.CANCELLED: set(),
    }
    FINISHED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.NOT_STARTED, db_index=True)
    #: what it is about, in words, kept when the thing is gone: "image iris:3"
    label = models.CharField(max_length=200)
    manifest = models.ForeignKey("registry.Manifest", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    image = models.ForeignKey("registry.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    service = models.ForeignKey("deployments.Service", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    revision = models.ForeignKey("deployments.Revision", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    environment = models.ForeignKey("deployments.Environment", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    #: what to do once this one has succeeded: {"service": id} rolls the image out on it
    then = models.JSONField(null=True, blank=True)
    follows = models.OneToOneField("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="followed_by")
    #: set when nobody asked for it but an alias that was moved
    following = models.ForeignKey("deployments.Following", null=True, blank=True, on_delete=models.SET_NULL, related_name="operations")
    #: {code, message: English, told: the same by portal.told, fault: "yours" | "ours", file, line, lines: the last 30, cure: of builds.cures}
    error = models.JSONField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    #: not before this time, when it waits for another try
    due_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    #: the person's name then, as in the audit log; empty: the portal itself
    asked_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["group", "-created_at"], name="operations_newest_first"),
            models.Index(fields=["group", "state", "-created_at"], name="operations_by_state"),
            models.Index(fields=["group", "kind", "-created_at"], name="operations_by_kind"),
            models.Index(fields=["service", "-created_at"], name="operations_of_a_service"),
            models.Index(fields=["group", "label", "-created_at"], name="operations_by_name"),
            models.Index(fields=["group", "asked_by", "-created_at"], name="operations_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.label}"

    def save(self, *args, **options):
        if self._state.adding and self.created_by_id:
            self.asked_by = str(self.created_by)
        super().save(*args, **options)

    @property
    def is_finished(self) -> bool:
        return self.state in self.FINISHED

    def claim(self) -> None:
        """NotStarted -> Running with the next fence; raises IllegalMove when it is taken, cancelled or done."""
        now = timezone.now()
        self.move(
            self.State.RUNNING,
            where={"fence": self.fence},
            fence=self.fence + 1,
            attempts=self.attempts + 1,
            heartbeat_at=now,
            started_at=self.started_at or now,
        )

    def beat(self) -> bool:
        """Still ours and still wanted? False means cancelled, or taken by another worker."""
        mine = type(self).objects.filter(pk=self.pk, state=self.State.RUNNING, fence=self.fence)
        return bool(mine.update(heartbeat_at=timezone.now()))

    def hold(self) -> None:
        """Keeps the row ours until the transaction around this ends; raises IllegalMove when it is not any more.

        What others will rely on is written below this: a worker that was thought dead may be only late.
        """
        mine = type(self).objects.select_for_update().filter(pk=self.pk, state=self.State.RUNNING, fence=self.fence)
        if mine.first() is None:
            raise IllegalMove(_("%(self)s was cancelled, or another worker has it.") % {"self": self})

    @property
    def failure(self) -> str:
        """What `error` says, in the language of whoever asks."""
        error = self.error or {}
        return in_words(error.get("told") or error.get("message"))

    def succeed(self) -> None:
        self.move(self.State.SUCCEEDED, where={"fence": self.fence}, ended_at=timezone.now(), error=None)

    def fail(self, error: dict) -> None:
        self.move(self.State.FAILED, where={"fence": self.fence}, ended_at=timezone.now(), error=error)

    def hand_back(self, *, due_at, error: dict | None = None) -> None:
        """Running -> NotStarted, for another try from `due_at` on."""
        self.move(self.State.NOT_STARTED, where={"fence": self.fence}, due_at=due_at, error=error)

    def wait(self) -> None:
        """Running -> Waiting: somebody has to decide, and no worker stays with it."""
        self.move(self.State.WAITING, where={"fence": self.fence})

    def resume(self) -> None:
        """Waiting -> NotStarted: it was decided. Waiting was no failure, so it has all its tries again."""
        self.move(self.State.NOT_STARTED, where={"state": self.State.WAITING}, due_at=timezone.now(), attempts=0)

    def cancel(self, error: dict | None = None) -> None:
        """`error` says why, where nobody pressed the button."""
        self.move(self.State.CANCELLED, ended_at=timezone.now(), **({"error": error} if error else {}))


class OperationStep(models.Model):
    """One named step with its own log and times."""

    class State(models.TextChoices):
        RUNNING = "Running", _("Running")
        SUCCEEDED = "Succeeded", _("Succeeded")
        SKIPPED = "Skipped", _("Reused")
        FAILED = "Failed", _("Failed")
        CANCELLED = "Cancelled", _("Cancelled")

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=32)
    title = models.CharField(max_length=120)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    attempt = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["operation", "order"], name="one_step_per_place")]

    @property
    def seconds(self) -> float:
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()
