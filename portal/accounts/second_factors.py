"""Second factors: what somebody has, what happened to it, and taking a lost one away. allauth sets them up and asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils.translation import gettext as _

from portal.accounts.events import EventTag, record
from portal.accounts.models import User
from portal.errors import Conflict, NotAllowed

Type = Authenticator.Type
#: what signing in asks for; recovery codes are only its spare
FACTORS = (Type.TOTP, Type.WEBAUTHN)


@dataclass(frozen=True)
class SecondFactors:
    """`app` and `codes` are rows or None; `codes_left` of `codes_made` recovery codes are unused."""

    app: Authenticator | None
    passkeys: list[Authenticator]
    codes: Authenticator | None
    codes_left: int
    codes_made: int

    @property
    def on(self) -> bool:
        return self.app is not None or bool(self.passkeys)


def second_factors_of(user) -> SecondFactors:
    found = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    rows = {row.type: row for row in found}
    codes = rows.get(Type.RECOVERY_CODES)
    left, made = (codes.wrap().get_unused_codes(), codes.wrap().generate_codes()) if codes else ([], [])
    passkeys = [row for row in found if row.type == Type.WEBAUTHN]
    return SecondFactors(rows.get(Type.TOTP), passkeys, codes, len(left), len(made))


def passkeys_work(request) -> bool:
    """Whether a browser would make one here: they belong to a name, not to a number, and need https; its own machine's name will do."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return settings.SECURE or request.is_secure() or host == "localhost" or host.endswith(".localhost")
    return False


def has_second_factor(user: str = "pk") -> Exists:
    """For a queryset: whether the person at `user` is asked for more than a password. Costs no query of its own."""
    return Exists(Authenticator.objects.filter(user=OuterRef(user), type__in=FACTORS))


@transaction.atomic
def remove_second_factor(*, user, person: User) -> None:
    """An administrator, or whoever has the machine, takes away what somebody lost; the password alone then signs them in."""
    if not (user.is_superuser or user.username == User.SYSTEM):
        raise NotAllowed(_("Only an administrator removes somebody's second factor."))
    if person.pk == user.pk:
        # Here nobody asks for the password again; on the profile somebody does.
        raise Conflict(_("You switch your own second factor off on your profile."))
    rows = Authenticator.objects.filter(user=person)
    types = sorted(rows.values_list("type", flat=True))
    if not types:
        raise Conflict(_("%(who)s has no second factor.") % {"who": person})
    record(user, EventTag.FACTOR_REMOVED, person, factors=types, by_administrator=True)
    rows.delete()


@receiver(post_save, sender=Authenticator)
def note_added(sender, instance, created, **kwargs) -> None:
    """In the transaction of the change, which allauth's own signal comes after."""
    if created:
        codes = instance.type == Type.RECOVERY_CODES
        record(instance.user, EventTag.CODES_MADE if codes else EventTag.FACTOR_ADDED, instance.user, factors=[instance.type])


@receiver(signals.authenticator_removed)
def note_removed(sender, user, authenticator, **kwargs) -> None:
    """Recovery codes go with the last factor and are not worth a line of their own."""
    if authenticator.type in FACTORS:
        record(user, EventTag.FACTOR_REMOVED, user, factors=[authenticator.type])
