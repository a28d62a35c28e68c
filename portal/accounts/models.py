"""People, the groups they work in, their tokens, and the log of what happened."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from portal.accounts.permissions import Role, ScopedQuerySet, scoped
from portal.names import name_validators


class User(AbstractUser):
    """A person, or the system itself (`SYSTEM`), which cannot sign in."""

    SYSTEM = "system"

    email = models.EmailField("e-mail address", blank=True)

    def __str__(self) -> str:
        return self.username


class ResourceGroup(models.Model):
    """Where people share. Everything below belongs to one group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=32, unique=True, validators=name_validators)
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = scoped("").as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one group."""

    group = models.ForeignKey(ResourceGroup, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["user__username"]
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="one_role_per_person_and_group")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.group}"


class TokenQuerySet(models.QuerySet):
    def usable(self):
        return self.filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now()))


class Token(models.Model):
    """A person's token for REST and the command line: hash only, shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=64)
    key_id = models.CharField(max_length=12, unique=True)
    hash = models.CharField(max_length=64)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} (…{self.last_four})"


class Event(models.Model):
    """One line of what happened, written in the same transaction as the change; nobody edits it."""

    group = models.ForeignKey(ResourceGroup, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor_label = models.CharField(max_length=150)
    tag = models.CharField(max_length=64, db_index=True)
    subject_type = models.CharField(max_length=32, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    subject_label = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["group", "-id"], name="events_newest_first"),
            models.Index(fields=["group", "created_at"], name="events_by_time"),
            models.Index(fields=["subject_id", "-id"], name="events_of_a_subject"),
            models.Index(fields=["group", "actor_label", "-id"], name="events_of_a_person"),
            models.Index(fields=["group", "subject_label", "-id"], name="events_by_thing"),
            models.Index(fields=["group", "tag", "-id"], name="events_by_tag"),
            models.Index(fields=["request_id"], name="events_of_a_request"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.tag} {self.subject_label}"


class Preference(models.Model):
    """How one person likes the pages: shortcuts, and columns, density and order of each list."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    name = models.CharField(max_length=40)
    value = models.JSONField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_value_per_preference")]

    def __str__(self) -> str:
        return f"{self.user}: {self.name}"


class SavedView(models.Model):
    """Filters and order of a list under a name: one's own, or shared with the group."""

    group = models.ForeignKey(ResourceGroup, on_delete=models.CASCADE, related_name="saved_views")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    #: which list: "models", "services", ...
    noun = models.CharField(max_length=16)
    name = models.CharField(max_length=60)
    #: the address's own: "q=iris&sort=-size"
    query = models.CharField(max_length=1000)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["group", "user", "noun", "name"], name="one_saved_view_per_name")]

    def __str__(self) -> str:
        return self.name


class SetupLink(models.Model):
    """The one-time right to create the first administrator; only its hash is kept."""

    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
