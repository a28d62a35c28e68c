"""Finding anything: things by name, tag, id or digest, people, pages, and what one can do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.models import Environment, Operation, Service
from frontend.navigation import menu_items
from portal.accounts.models import Membership
from portal.accounts.permissions import Permission, allows
from portal.names import parse_id
from registry.filters import by_words, version_words
from registry.models import Image, Manifest, ModelVersion

#: results of one kind; the list has the others
EACH = 3
#: how many of a kind are counted, and days of operations that are looked through; the lists count and look further
MOST, LATELY = 20, 30
#: the beginning of a digest
_HEX = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Hit:
    words: str
    url: str
    icon: str
    detail: str = ""
    #: an act of the page's script instead of an address
    act: str = ""


@dataclass(slots=True)
class Section:
    title: str
    hits: list[Hit] = field(default_factory=list)
    total: str = ""
    more: str = ""


def search(user, group, text: str, path: str = "") -> list[Section]:
    """What the person may see in the group, at most three of a kind. `>` at the beginning asks for actions alone."""
    text = text.strip()
    if text.startswith(">"):
        return [section for section in [_actions(user, group, text[1:].strip())] if section.hits]
    found = _things(user, group, text) if text else []
    return [section for section in [*found, _pages(user, group, text, path), _actions(user, group, text)] if section.hits]


def _things(user, group, text: str) -> list[Section]:
    def rows(model, permission):
        return model.objects.allowing_in(group, user, permission)

    digest = text.lower().removeprefix("sha256:")
    by_digest = Q(digest__startswith=f"sha256:{digest}") | Q(digest__startswith=digest) if _HEX.fullmatch(digest) else Q(pk=None)
    versions = rows(ModelVersion, Permission.MODEL_READ)
    versions = versions.filter(version_words(text) | by_digest).select_related("model").order_by("-created_at")
    manifests = rows(Manifest, Permission.MANIFEST_READ).filter(by_words(text)).order_by("-created_at")
    images = rows(Image, Permission.IMAGE_READ)
    images = images.filter(by_words(text) | by_digest).defer("packages", "probe").order_by("-created_at")
    # Names are lower-case by their rule.
    services = rows(Service, Permission.SERVICE_READ).filter(
        _by_id(text) or Q(name__contains=text.lower()) | Q(description__icontains=text)
    )
    environments = rows(Environment, Permission.ENVIRONMENT_READ).filter(_by_id(text) or Q(name__contains=text.lower()))
    lately = timezone.now() - timedelta(days=LATELY)
    operations = rows(Operation, Permission.OPERATION_READ).filter(_by_id(text) or Q(label__icontains=text, created_at__gte=lately))
    people = rows(Membership, Permission.MEMBER_READ).filter(Q(user__username__icontains=text) | Q(user__email__icontains=text))

    def page(name: str, *args: object) -> str:
        return reverse(f"pages:{name}", args=[group.name, *args])

    return [
        _section(_("Models"), versions, lambda one: Hit(str(one), page("model", one), "box", one.framework), page("models"), text),
        _section(_("Manifests"), manifests, lambda one: Hit(str(one), page("manifest", one), "list-details"), page("manifests"), text),
        _section(_("Images"), images, lambda one: Hit(str(one), page("image", one), "package"), page("images"), text),
        _section(_("Services"), services, lambda one: Hit(one.name, page("service", one.name), "rocket"), page("services"), text),
        _section(
            _("Environments"),
            environments,
            lambda one: Hit(one.name, page("environment", one.name), "server-2"),
            page("environments"),
            text,
        ),
        _section(
            _("Operations of the last %(days)s days") % {"days": LATELY},
            operations,
            lambda one: Hit(one.label, page("operation", one.pk), "activity", f"{one.get_kind_display()}, {one.get_state_display()}"),
            page("operations"),
            text,
        ),
        _section(
            _("People"),
            people.select_related("user"),
            lambda one: Hit(one.user.username, page("members"), "user", one.get_role_display()),
            "",
            text,
        ),
    ]


def _by_id(text: str) -> Q | None:
    """A uuid is nothing but an id."""
    wanted = parse_id(text)
    return Q(pk=wanted["id"]) if wanted and "id" in wanted else None


def _section(title: str, rows, hit, more: str, text: str) -> Section:
    found = list(rows[: MOST + 1])
    section = Section(title, [hit(one) for one in found[:EACH]])
    if len(found) > EACH and more:
        section.total, section.more = f"{MOST}+" if len(found) > MOST else str(len(found)), f"{more}?q={text}"
    return section


def _pages(user, group, text: str, path: str) -> Section:
    hits = [Hit(str(item.label), reverse(f"pages:{item.page}", args=[group.name]), item.icon) for item in menu_items(user, group)]
    hits += [
        Hit(_("Profile and tokens"), reverse("pages:profile"), "key"),
        Hit(_("REST API"), reverse("pages:api_docs"), "api"),
        Hit(_("Help"), reverse("pages:help"), "help-circle"),
    ]
    if user.is_superuser:
        hits += [Hit(_("Accounts"), reverse("pages:users"), "user-plus"), Hit(_("System"), reverse("pages:system"), "heart-rate-monitor")]
    return Section(_("Pages"), [hit for hit in hits if text.lower() in hit.words.lower()])


def _actions(user, group, text: str) -> Section:
    acts = [
        (_("Deploy a model"), "deploy", Permission.SERVICE_WRITE, "rocket"),
        (_("Register a model"), "new_model", Permission.MODEL_WRITE, "plus"),
        (_("Create a manifest"), "new_manifest", Permission.MANIFEST_WRITE, "plus"),
        (_("Build an image"), "new_image", Permission.IMAGE_WRITE, "plus"),
        (_("Create a service"), "new_service", Permission.SERVICE_WRITE, "plus"),
        (_("Create an environment"), "new_environment", Permission.ENVIRONMENT_WRITE, "plus"),
    ]
    hits = [
        Hit(words, reverse(f"pages:{page}", args=[group.name]), icon)
        for words, page, permission, icon in acts
        if allows(user, permission, group)
    ]
    hits += [
        Hit(_("New resource group"), reverse("pages:new_group"), "users-group"),
        Hit(_("Switch between light and dark"), "", "moon", act="theme"),
        Hit(_("Show the keyboard shortcuts"), "", "keyboard", act="shortcuts"),
    ]
    return Section(_("Actions"), [hit for hit in hits if text.lower() in hit.words.lower()])
