"""Changes to people, groups and tokens. Each action asks permission, cleans, writes and records."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from portal import keys
from portal.accounts.events import EventTag, record
from portal.accounts.models import Membership, ResourceGroup, SetupLink, Token, User
from portal.accounts.permissions import Permission, Role, require
from portal.errors import Conflict, NotAllowed, NotFound

#: sent with `group` and `user` inside the transaction, so that apps above the portal can furnish a new group
group_created = Signal()
#: sent with `group` and `user` inside the transaction that took rights away, so that what was handed out on them goes too
access_reduced = Signal()


def system_user() -> User:
    """The actor of what the portal does by itself; it has no password and cannot sign in."""
    user, created = User.objects.get_or_create(username=User.SYSTEM, defaults={"is_active": True})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


@transaction.atomic
def create_resource_group(*, user, name: str, description: str = "") -> ResourceGroup:
    """Whoever creates a group becomes its Owner."""
    group = ResourceGroup(name=name, description=description)
    group.full_clean()
    group.save()
    Membership.objects.create(group=group, user=user, role=Role.OWNER)
    record(user, EventTag.GROUP_CREATED, group, group=group)
    group_created.send(sender=ResourceGroup, group=group, user=user)
    return group


def _clean_role(role: str) -> str:
    if role not in Role.values:
        raise ValidationError({"role": _("There is no role %(role)r; use owner, contributor or reader.") % {"role": role}})
    return role


@transaction.atomic
def add_member(*, user, group: ResourceGroup, person: str, role: str) -> Membership:
    """`person` is a user name or an e-mail address of somebody who has an account."""
    require(user, Permission.MEMBER_WRITE, group)
    _clean_role(role)
    known = User.objects.filter(is_active=True).exclude(username=User.SYSTEM)
    found = known.filter(username__iexact=person).first()
    if found is None and person:
        # An address is what people say of themselves; where two say the same, it names nobody.
        same = list(known.filter(email__iexact=person)[:2])
        if len(same) > 1:
            raise ValidationError(
                {"person": _("More than one account has the address %(person)r. Give the user name.") % {"person": person}}
            )
        found = same[0] if same else None
    if found is None:
        words = _("Nobody here has the name or e-mail address %(person)r. An administrator can create an account.")
        raise ValidationError({"person": words % {"person": person}})
    if Membership.objects.filter(group=group, user=found).exists():
        raise Conflict(
            _("%(who)s is a member of %(group)s already; change the role instead.") % {"who": found, "group": group},
            details=[{"code": "Taken", "message": str(found), "field": "person"}],
        )
    membership = Membership.objects.create(group=group, user=found, role=role)
    record(user, EventTag.MEMBER_ADDED, found, group=group, role=role)
    return membership


def _keep_an_owner(membership: Membership) -> None:
    if membership.role == Role.OWNER:
        owners = Membership.objects.select_for_update().filter(group=membership.group, role=Role.OWNER, user__is_active=True)
        owners = owners.exclude(user__username=User.SYSTEM)
        if not any(owner.pk != membership.pk for owner in owners):
            words = _("%(who)s is the last Owner of %(group)s. Make somebody else an Owner first.")
            raise Conflict(words % {"who": membership.user, "group": membership.group}, code="LastOwner")


@transaction.atomic
def change_role(*, user, membership: Membership, role: str) -> Membership:
    require(user, Permission.MEMBER_WRITE, membership.group)
    _clean_role(role)
    if role != membership.role:
        _keep_an_owner(membership)
        before, membership.role = membership.role, role
        membership.save(update_fields=["role"])
        record(user, EventTag.MEMBER_CHANGED, membership.user, group=membership.group, before=before, after=role)
        access_reduced.send(sender=Membership, group=membership.group, user=membership.user)
    return membership


@transaction.atomic
def remove_member(*, user, membership: Membership) -> None:
    """An Owner removes anybody; everybody may leave, but for the last Owner."""
    if membership.user_id != user.pk:
        require(user, Permission.MEMBER_WRITE, membership.group)
    _keep_an_owner(membership)
    record(user, EventTag.MEMBER_REMOVED, membership.user, group=membership.group, role=membership.role)
    membership.delete()
    access_reduced.send(sender=Membership, group=membership.group, user=membership.user)


@transaction.atomic
def issue_token(*, user, name: str, days: int | None = 90) -> tuple[Token, str]:
    """A personal token and, this once, its value. `days` of None never expires."""
    if not name.strip():
        raise ValidationError({"name": _("Give the token a name, so that you know later what it is for.")})
    if days is not None and not 1 <= days <= 3650:
        raise ValidationError({"days": _("Choose between 1 and 3650 days.")})
    new = keys.make(keys.PERSON)
    token = Token(user=user, name=name.strip(), key_id=new.key_id, hash=new.hash, last_four=new.last_four)
    token.expires_at = timezone.now() + timedelta(days=days) if days else None
    token.full_clean()
    token.save()
    record(user, EventTag.TOKEN_ISSUED, token, days=days)
    return token, new.value


@transaction.atomic
def revoke_token(*, user, token: Token) -> None:
    if token.user_id != user.pk:
        raise NotFound(_("There is no such token."))
    record(user, EventTag.TOKEN_REVOKED, token)
    token.delete()


# --- the first administrator ----------------------------------------------------------------------


def administrator_exists() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


@transaction.atomic
def make_setup_link() -> str | None:
    """The path of the one-time page that creates the first administrator; None when there is one.

    Each call makes a new link and the older ones stop working, so a link in an old log is worth nothing.
    """
    if administrator_exists():
        return None
    SetupLink.objects.all().delete()
    new = keys.make(keys.SETUP)
    SetupLink.objects.create(hash=new.hash)
    return f"/setup/{new.value}/"


def setup_link_is_good(value: str) -> bool:
    return (
        keys.key_id_of(value, keys.SETUP) is not None
        and not administrator_exists()
        and SetupLink.objects.filter(hash=keys.digest(value)).exists()
    )


def _new_person(*, username: str, email: str, password: str, **flags) -> User:
    """Raises ValidationError at the field; nothing is saved before all of it is right."""
    person = User(username=username, email=email, **flags)
    person.clean_fields(exclude=["password"])
    if User.objects.filter(username__iexact=username).exists():
        raise ValidationError({"username": _("This name is taken.")})
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None
    person.set_password(password)
    person.save()
    return person


@transaction.atomic
def create_first_administrator(*, link: str, username: str, email: str, password: str) -> User:
    """Uses the link up. The administrator becomes Owner of every group that only the system owns (the demo)."""
    if not setup_link_is_good(link) or not SetupLink.objects.select_for_update().filter(hash=keys.digest(link)).delete()[0]:
        raise NotAllowed(_("This link has been used already, or a newer one was printed."))
    user = _new_person(username=username, email=email, password=password, is_staff=True, is_superuser=True)
    record(user, EventTag.USER_CREATED, user, administrator=True)
    for group in ResourceGroup.objects.filter(memberships__user__username=User.SYSTEM):
        Membership.objects.get_or_create(group=group, user=user, defaults={"role": Role.OWNER})
    return user


@transaction.atomic
def create_user(*, user, username: str, email: str, password: str) -> User:
    """An administrator opens an account for somebody."""
    if not user.is_superuser:
        raise NotAllowed(_("Only an administrator creates accounts."))
    person = _new_person(username=username, email=email, password=password)
    record(user, EventTag.USER_CREATED, person)
    return person
