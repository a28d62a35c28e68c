"""A service is what is desired: a stable URL, two keys, one image at a time."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import ScopedQuerySet, scoped
from portal.names import name_validators

#: below the portal's address: what people without an account may read
OPEN_PAGES = "s/"


def _secret() -> str:
    return secrets.token_urlsafe(32)


class Service(models.Model):
    """Its shown state is derived (deployments/states.py), never stored here."""

    class Access(models.TextChoices):
        KEY = "key", _("Key required")
        PUBLIC = "public", _("Public: anyone who reaches the gateway")

    class GoldenPolicy(models.TextChoices):
        ASK = "ask", _("Ask a person")
        STOP = "stop", _("Stop the rollout")
        WARN = "warn", _("Say so, and go on")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=32, validators=name_validators)
    description = models.TextField(max_length=20_000, blank=True)
    #: whom callers ask: a name, an address, a channel
    contact = models.CharField(max_length=200, blank=True)
    #: whether anyone with the address may read how it is called (deployments/open_pages.py)
    open_page = models.BooleanField(default=False)
    environment = models.ForeignKey("deployments.Environment", on_delete=models.PROTECT, related_name="services")
    replicas = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    cpu = models.FloatField("cores per replica", default=0.5, validators=[MinValueValidator(0.1)])
    memory = models.BigIntegerField("bytes of memory per replica", default=512 * 2**20, validators=[MinValueValidator(64 * 2**20)])
    #: -1 is all of the engine's machine (quantities.ALL_GPUS)
    gpus = models.SmallIntegerField("GPUs per replica", default=0, validators=[MinValueValidator(-1), MaxValueValidator(64)])
    #: processes of a replica that call run(); 0: one for each whole core, where they can share the loaded model, else one
    workers = models.PositiveSmallIntegerField("processes per replica", default=0, validators=[MaxValueValidator(64)])
    stopped = models.BooleanField(default=False)
    deleting = models.BooleanField(default=False)
    access = models.CharField(max_length=8, choices=Access.choices, default=Access.KEY)
    allowed_origins = models.JSONField(default=list, blank=True)
    timeout = models.PositiveIntegerField("seconds a call may take", default=60, validators=[MinValueValidator(1), MaxValueValidator(3600)])
    collect_data = models.BooleanField(default=False)
    #: [{field, action}], applied in the replica (deployments/collected/rules.py)
    collect_rules = models.JSONField(default=list, blank=True)
    collect_days = models.PositiveIntegerField(
        "days collected data is kept", default=30, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    #: whether waiting requests may go into one call of run(), where the probe has shown that rows are independent
    batching = models.BooleanField(default=True)
    #: what happens when a new revision answers its golden requests otherwise
    golden_policy = models.CharField(max_length=8, choices=GoldenPolicy.choices, default=GoldenPolicy.ASK)
    #: why the image it was made for never came, in one sentence
    trouble = models.CharField(max_length=500, blank=True)
    #: sent by the gateway to the replicas, so that a call that did not come through it is refused
    secret = models.CharField(max_length=64, default=_secret, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["group", "name"], name="one_service_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        return f"{self.group.name}/{self.name}"

    @property
    def url(self) -> str:
        return f"{settings.GATEWAY_URL}/{self.path}"

    @property
    def open_page_url(self) -> str | None:
        """Where anyone may read how it is called; None while that is switched off."""
        return f"{settings.PORTAL_URL}/{OPEN_PAGES}{self.path}/" if self.open_page else None

    @property
    def scoring_url(self) -> str:
        return f"{self.url}/score"


class ServiceKeyQuerySet(scoped("service__group")):
    def standing(self):
        """Primary and secondary."""
        return self.filter(slot__in=(ServiceKey.Slot.PRIMARY, ServiceKey.Slot.SECONDARY))

    def live(self):
        return self.filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now()))


class ServiceKey(models.Model):
    """Hash only. *primary* and *secondary* for callers, *session* for a person's quarter of an hour of Try it."""

    class Slot(models.TextChoices):
        PRIMARY = "primary", _("Primary")
        SECONDARY = "secondary", _("Secondary")
        #: replaced, and still good for the time that was given
        PRIMARY_OLD = "primary-old", _("Old primary")
        SECONDARY_OLD = "secondary-old", _("Old secondary")
        SESSION = "session", _("Session")

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="keys")
    slot = models.CharField(max_length=16, choices=Slot.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    key_id = models.CharField(max_length=12, unique=True)
    hash = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ServiceKeyQuerySet.as_manager()

    class Meta:
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["service", "slot"], condition=~models.Q(slot="session"), name="two_keys_per_service")
        ]

    def __str__(self) -> str:
        return f"{self.get_slot_display()} key of {self.service} (…{self.last_four})"
