"""What templates ask: may one, how does a state look, when was it, how big is it."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from frontend import typed, words
from frontend.words import look
from portal.accounts.models import User
from portal.accounts.permissions import Role, allows, roles_with
from portal.accounts.second_factors import passkeys_work

register = template.Library()
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
#: who is named beside a button that is off
MOST_OWNERS = 3


@register.simple_tag
def icon(name: str, extra: str = "") -> str:
    """One symbol of the sprite; decoration only, the word stands beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("frontend/built/icons.svg"),
        name,
    )


def copy_button(text: str, label: str) -> str:
    """The component `copy`, for cells that no template writes."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" title="{}" aria-label="{}">{}{}</button>',
        *(text, label, label, icon("copy", "when-not"), icon("check", "when-copied")),
    )


@register.simple_tag(takes_context=True)
def can(context, permission: str) -> bool:
    """Does the person's role in the page's group grant it? Only for showing; the action asks again."""
    request = context["request"]
    group = getattr(request, "group", None)
    return group is not None and allows(request.user, permission, group)


@register.simple_tag(takes_context=True)
def why_not(context, permission: str) -> str:
    """The sentence beside a button that one may not use: what it needs, and who can help."""
    roles = roles_with(permission)
    needed = Role(roles[0]).label if roles else "nobody"
    said = gettext("Your role here is %(role)s. This needs %(needed)s.") % {"role": context["frame"].get("role", "none"), "needed": needed}
    group = getattr(context["request"], "group", None)
    if group is None:
        return said
    if not hasattr(group, "owner_names"):  # once a page, however many buttons it has
        # The system owns the group of the first start, and answers nobody.
        people = group.memberships.filter(role=Role.OWNER).exclude(user__username=User.SYSTEM)
        found = people.order_by("created_at").values_list("user__username", flat=True)
        group.owner_names = ", ".join(found[:MOST_OWNERS])
    return f"{said} {gettext('Owners: %(names)s.') % {'names': group.owner_names}}"


@register.filter
def service_word(word: str) -> str:
    """A service's state in a sentence."""
    return str(look(f"service:{word}").word).lower()


register.filter("person", words.person_words)
register.filter("step_words", words.step_words)
register.filter("runtime_words", words.runtime_words)


@register.simple_tag
def badge(state: str, word: str = "") -> str:
    seen = look(state)
    spin = "spin" if seen.spins else ""
    return format_html('<span class="state state-{}">{}<span>{}</span></span>', seen.colour, icon(seen.icon, spin), word or seen.word)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """3 minutes ago; in 2 days."""
    seconds = ((now or timezone.now()) - moment).total_seconds()
    past, seconds = seconds >= 0, abs(seconds)
    if not past and seconds >= 60:
        # What was set to end in 90 days is not told as 89 when the page comes a moment later.
        seconds += 30
    if seconds >= 86400:
        count = int(seconds // 86400)
        said = ngettext("%(n)s day ago", "%(n)s days ago", count) if past else ngettext("in %(n)s day", "in %(n)s days", count)
    elif seconds >= 3600:
        count = int(seconds // 3600)
        said = ngettext("%(n)s hour ago", "%(n)s hours ago", count) if past else ngettext("in %(n)s hour", "in %(n)s hours", count)
    elif seconds >= 60:
        count = int(seconds // 60)
        said = ngettext("%(n)s minute ago", "%(n)s minutes ago", count) if past else ngettext("in %(n)s minute", "in %(n)s minutes", count)
    else:
        return gettext("just now") if past else gettext("in a moment")
    return said % {"n": count}


@register.simple_tag
def when(moment: datetime | None, empty: str = "") -> str:
    if moment is None:
        return empty or gettext("never")
    shown = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', shown.isoformat(timespec="seconds"), shown.strftime("%Y-%m-%d %H:%M:%S %Z"), ago(moment)
    )


@register.filter
def duration(seconds: float | None) -> str:
    """1 m 42 s; 2 h 5 m; 12 d 3 h"""
    if seconds is None:
        return ""
    if seconds < 10:
        return gettext("%(s)s s") % {"s": f"{seconds:.1f}"}
    seconds = round(seconds)
    parts = {"d": seconds // 86400, "h": seconds // 3600 % 24, "m": seconds // 60 % 60, "s": seconds % 60}
    if seconds >= 48 * 3600:
        return (gettext("%(d)s d %(h)s h") if parts["h"] else gettext("%(d)s d")) % parts
    if seconds >= 3600:
        parts["h"] = seconds // 3600
        return (gettext("%(h)s h %(m)s m") if parts["m"] else gettext("%(h)s h")) % parts
    if seconds >= 60:
        return (gettext("%(m)s m %(s)s s") if parts["s"] else gettext("%(m)s m")) % parts
    return gettext("%(s)s s") % parts


@register.filter
def number(value: float | None) -> str:
    """1.0 as 1, 0.50 as 0.5; at most three digits that tell something."""
    return "" if value is None else f"{value:.3g}"


@register.filter
def cores(value: float) -> str:
    """1 core, 0.5 cores."""
    return ngettext("%(cores)s core", "%(cores)s cores", 1 if value == 1 else 2) % {"cores": number(value)}


@register.filter
def usually(span: tuple[float, float]) -> str:
    """usually 2-3 minutes; usually 20 s; usually 20 s–2 minutes"""
    (low, first), (high, last) = (
        (round(seconds), gettext("s")) if seconds < 90 else (round(seconds / 60), gettext("minutes")) for seconds in span
    )
    if first != last:
        time = f"{low} {first}–{high} {last}"
    else:
        time = f"{high} {last}" if low == high else f"{low}–{high} {last}"
    return gettext("usually %(time)s") % {"time": time}


@register.simple_tag
def favicon(state: str) -> str:
    """The address of the tab's icon that says how work goes."""
    colour = look(state).colour
    return static(f"frontend/favicon-{colour}.svg" if colour in ("blue", "green", "red") else "frontend/favicon.svg")


def in_units(count: float) -> str:
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} {UNITS[unit]}" if unit == 0 or count >= 100 or count == int(count) else f"{count:.1f} {UNITS[unit]}"


@register.simple_tag
def size(count: int | None) -> str:
    """Binary units, with the exact bytes in the title."""
    if count is None:
        return ""
    return format_html('<span title="{} bytes">{}</span>', f"{count:,}", in_units(count))


@register.filter
def short_digest(digest: str) -> str:
    """The 12 characters people compare."""
    return digest.split(":")[-1][:12]


@register.simple_tag(takes_context=True)
def query(context, **changes) -> str:
    """The page's own address with some parameters changed; None takes one away."""
    values = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None or value == "":
            values.pop(name, None)
        else:
            values[name] = value
    return f"?{values.urlencode()}"


@register.simple_tag
def sends_mail() -> bool:
    """Whether a mail server is set up, so that a page does not offer what cannot come."""
    return settings.SENDS_MAIL


@register.simple_tag(takes_context=True)
def can_passkey(context) -> bool:
    """Whether browsers take a passkey at this address, so that a page does not offer what cannot be done."""
    return passkeys_work(context["request"])


@register.simple_tag(takes_context=True)
def typed_by(context) -> str:
    """In a form: whose it is, so that what was typed can be kept for them when their session has ended."""
    user = context["request"].user
    return format_html('<input type="hidden" name="{}" value="{}">', typed.BY, typed.mark(user)) if user.is_authenticated else ""
