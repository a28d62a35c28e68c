"""Columns as data: one table a list page. The first column is the link."""

from __future__ import annotations

import json
from collections.abc import Callable

import django_tables2 as tables
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from deployments import engines
from deployments.standing import telling
from deployments.states import service_state
from deployments.telemetry import series
from frontend import sparklines, verbs
from frontend.row_menus import Menus, Verb
from frontend.templatetags.portal import badge, copy_button, cores, duration, short_digest, size, when
from frontend.words import environment_state, event_words, person_words, runtime_words

#: what the services' list sums up
LAST_MINUTES = 15
#: numbers stand under each other
NUMBER = {"th": {"class": "text-end"}, "td": {"class": "text-end text-nowrap"}}
#: letters of a value that still stands in a summary
SHORT = 20
MENU = {"th": {"class": "row-menu"}, "td": {"class": "row-menu"}}


class PersonColumn(tables.Column):
    """A name; an export keeps it as the filters and REST know it."""

    def render(self, value):
        return person_words(value)

    def value(self, value):
        return value


class Table(tables.Table):
    caption = ""
    #: (url, row) -> what the menu beside the row offers; of tables that have the column `menu`
    offers: Callable[[Callable[..., str], object], list[Verb]] = staticmethod(lambda url, row: [])

    class Meta:
        template_name = "frontend/table.html"
        order_by_field = "sort"

    def __init__(self, *args, group, **kwargs):
        self.group = group
        super().__init__(*args, order_by_field="sort", **kwargs)

    def url(self, page: str, *args) -> str:
        return reverse(f"pages:{page}", args=[self.group.name, *args])

    def link(self, page: str, row, words: str | None = None):
        said = words or str(row)
        # Long names are cut in a cell.
        return format_html('<a href="{}" title="{}">{}</a>', self.url(page, str(row)), said, said)

    def render_created_at(self, value):
        return when(value)

    def render_size(self, value):
        return size(value)

    @cached_property
    def menus(self) -> Menus:
        return Menus(self.context)

    def render_menu(self, record):
        return self.menus.menu(record.pk, str(record), self.offers(self.url, record))


def menu_column() -> tables.Column:
    """The last of a list's columns: not to be chosen, ordered by or exported."""
    return tables.Column(verbose_name=_("Actions"), accessor="pk", orderable=False, exclude_from_export=True, attrs=MENU)


def chips(words, look: str = "") -> str:
    return format_html_join(" ", '<span class="chip {}">{}</span>', ((look, word) for word in words))


class ModelTable(Table):
    caption = _("Model versions")
    offers = staticmethod(verbs.of_model)
    name = tables.Column(verbose_name=_("Name"), order_by=("name", "-number"))
    aliases = tables.Column(verbose_name=_("Aliases"), orderable=False, empty_values=())
    tags = tables.Column(verbose_name=_("Tags"), orderable=False, empty_values=())
    framework = tables.Column(verbose_name=_("Framework"), default="")
    used = tables.Column(verbose_name=_("Used by"), accessor="manifest_count", order_by=("manifest_count", "created_at", "-pk"))
    size = tables.Column(verbose_name=_("Size"), attrs=NUMBER)
    created_at = tables.Column(verbose_name=_("Registered"))
    created_by = PersonColumn(verbose_name=_("By"), accessor="registered_by", order_by=("registered_by", "-created_at", "pk"), default="")
    menu = menu_column()

    def render_name(self, record):
        return self.link("model", record)

    def render_aliases(self, record):
        return chips((alias.name for alias in record.aliases.all()), "chip-alias")

    def value_aliases(self, record):
        return ", ".join(alias.name for alias in record.aliases.all())

    def render_tags(self, record):
        return chips(tag.word for tag in record.tags.all())

    def render_used(self, value):
        return ngettext("%(count)s manifest", "%(count)s manifests", value) % {"count": value} if value else gettext("nothing")


class ManifestTable(Table):
    caption = _("Manifests")
    offers = staticmethod(verbs.of_manifest)
    name = tables.Column(verbose_name=_("Name"), order_by=("name", "-number"))
    models = tables.Column(verbose_name=_("Models"), orderable=False, empty_values=())
    runtime = tables.Column(verbose_name=_("Runtime"))
    schema = tables.Column(verbose_name=_("Schema"), orderable=False, empty_values=())
    images = tables.Column(verbose_name=_("Images"), accessor="image_count", order_by=("image_count",), attrs=NUMBER)
    created_at = tables.Column(verbose_name=_("Created"))
    created_by = PersonColumn(verbose_name=_("By"), accessor="created_by__username", default="")
    menu = menu_column()

    def render_name(self, record):
        return self.link("manifest", record)

    def render_models(self, record):
        return format_html_join(", ", "{}", ((self.link("model", use.version),) for use in record.uses.all())) or "none"

    def render_runtime(self, record):
        return runtime_words(record)

    def render_schema(self, record):
        return gettext("yes") if record.service_schema else gettext("no")


class ImageTable(Table):
    caption = _("Images")
    offers = staticmethod(verbs.of_image)
    name = tables.Column(verbose_name=_("Name"), order_by=("name", "-number"))
    state = tables.Column(verbose_name=_("State"), orderable=False, empty_values=())
    manifest = tables.Column(verbose_name=_("Manifest"), order_by=("manifest__name", "-manifest__number"))
    digest = tables.Column(verbose_name=_("Digest"), orderable=False, default="")
    size = tables.Column(verbose_name=_("Size"), attrs=NUMBER)
    platform = tables.Column(verbose_name=_("Platform"), orderable=False, default="")
    used = tables.Column(verbose_name=_("Used by"), accessor="service_count", orderable=False)
    build_seconds = tables.Column(verbose_name=_("Built in"), default="", attrs=NUMBER)
    created_at = tables.Column(verbose_name=_("Created"))
    menu = menu_column()

    def render_name(self, record):
        return self.link("image", record)

    def render_state(self, record):
        return badge("image:built" if record.is_built else "image:building")

    def render_manifest(self, value):
        return self.link("manifest", value)

    def render_size(self, record, value):
        return size(value) if record.is_built else ""

    def render_digest(self, value):
        return format_html('<code title="{}">{}</code>', value, short_digest(value))

    def render_used(self, value):
        return ngettext("%(count)s service", "%(count)s services", value) % {"count": value} if value else gettext("nothing")

    def render_build_seconds(self, value):
        return duration(value)


class ServiceTable(Table):
    caption = _("Services")
    offers = staticmethod(verbs.of_service)
    name = tables.Column(verbose_name=_("Name"))
    state = tables.Column(verbose_name=_("State"), orderable=False, empty_values=())
    image = tables.Column(verbose_name=_("Image"), orderable=False, empty_values=())
    environment = tables.Column(verbose_name=_("Environment"), order_by=("environment__name",))
    replicas = tables.Column(verbose_name=_("Replicas"), attrs=NUMBER)
    rate = tables.Column(verbose_name=_("Calls a minute"), orderable=False, empty_values=(), attrs=NUMBER)
    p95 = tables.Column(verbose_name=_("p95"), orderable=False, empty_values=(), attrs=NUMBER)
    errors = tables.Column(verbose_name=_("Errors"), orderable=False, empty_values=(), attrs=NUMBER)
    address = tables.Column(verbose_name="URL", accessor="pk", orderable=False)
    access = tables.Column(verbose_name=_("Access"), orderable=False)
    updated_at = tables.Column(verbose_name=_("Updated"))
    menu = menu_column()

    def render_name(self, record):
        return self.link("service", record)

    def render_state(self, record):
        record.shown = service_state(record)
        return badge(f"service:{record.shown}")

    def render_image(self, record):
        serving = next((revision for revision in telling(record) if revision.state == "Serving"), None)
        return self.link("image", serving.image) if serving else ""

    def render_environment(self, value):
        return self.link("environment", value)

    def render_replicas(self, record):
        shown = getattr(record, "shown", None) or service_state(record)
        return f"{shown.ready}/{shown.desired}"

    @cached_property
    def tallies(self) -> dict:
        """Calls of the last minutes of the services on this page, by one query."""
        return series.last_minutes([row.record.pk for row in self.paginated_rows], minutes=LAST_MINUTES)

    def render_rate(self, record):
        tally = self.tallies.get(record.pk)
        if not tally:
            return "0"
        return format_html("{} {}", sparklines.small(tally.by_minute), f"{tally.calls / LAST_MINUTES:.3g}")

    def value_rate(self, record):
        tally = self.tallies.get(record.pk)
        return round(tally.calls / LAST_MINUTES, 3) if tally else 0

    def value_address(self, record):
        # The row's own group would be asked of the database, once a row.
        record.group = self.group
        return record.scoring_url

    def render_address(self, record):
        address = self.value_address(record)
        return copy_button(address, gettext("Copy scoring URL of %(name)s") % {"name": record})

    def render_p95(self, record):
        tally = self.tallies.get(record.pk)
        found = tally.milliseconds("p95") if tally else None
        return "" if found is None else f"{found:.3g}\N{NO-BREAK SPACE}ms"

    def render_errors(self, record):
        tally = self.tallies.get(record.pk)
        return f"{tally.error_percent:.3g}\N{NO-BREAK SPACE}%" if tally else ""

    def render_access(self, record):
        return gettext("Key") if record.access == "key" else gettext("Public")

    def render_updated_at(self, value):
        return when(value)


class EnvironmentTable(Table):
    caption = _("Environments")
    offers = staticmethod(verbs.of_environment)
    name = tables.Column(verbose_name=_("Name"))
    target = tables.Column(verbose_name=_("Kind"))
    reachable = tables.Column(verbose_name=_("Reachable"), orderable=False, empty_values=())
    services = tables.Column(verbose_name=_("Services"), accessor="service_count", order_by=("service_count",), attrs=NUMBER)
    limits = tables.Column(verbose_name=_("Limits per service"), orderable=False, empty_values=())
    checked_at = tables.Column(verbose_name=_("Last checked"), default=_("never"))
    menu = menu_column()

    def render_name(self, record):
        return format_html("{} {}", self.link("environment", record), chips([gettext("proposed first")] if record.is_default else []))

    def render_target(self, value):
        return engines.title(value)

    def render_reachable(self, record):
        return badge(environment_state(record))

    def render_limits(self, record):
        replicas = ngettext("%(count)s replica", "%(count)s replicas", record.max_replicas) % {"count": record.max_replicas}
        return format_html("<span>{}, {}, {}</span>", replicas, cores(record.max_cpu), size(record.max_memory))

    def render_checked_at(self, value):
        return when(value)


class EventTable(Table):
    caption = _("Audit log")
    created_at = tables.Column(verbose_name=_("When"))
    actor_label = PersonColumn(verbose_name=_("Who"), order_by=("actor_label", "-pk"))
    tag = tables.Column(verbose_name=_("Did"), order_by=("tag", "-pk"))
    subject_label = tables.Column(verbose_name=_("With"), order_by=("subject_label", "-pk"), default="")
    data = tables.Column(verbose_name=_("Details"), orderable=False, default="")
    request_id = tables.Column(verbose_name=_("Request"), orderable=False, default="")

    def render_tag(self, record):
        return event_words(record)[0]

    def value_tag(self, record):
        return record.tag

    def value_data(self, record):
        return json.dumps(record.data, ensure_ascii=False) if record.data else ""

    def render_subject_label(self, record, value):
        page = event_words(record)[1]
        try:
            return format_html('<a href="{}">{}</a>', self.url(page, value), value) if page else value
        except NoReverseMatch:
            return value

    def render_data(self, value):
        if not value:
            return ""
        pairs = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((key, json.dumps(part, ensure_ascii=False)) for key, part in value.items()))
        # What is short is read without opening: "before contributor, after reader".
        told = (f"{key} {part}" if isinstance(part, str | int) and 0 < len(str(part)) <= SHORT else key for key, part in value.items())
        return format_html('<details><summary>{}</summary><dl class="event-data">{}</dl></details>', ", ".join(told), pairs)

    def render_request_id(self, value):
        # What the portal does by itself belongs to no request.
        if value == "-":
            return ""
        return format_html('<code title="{}">{}</code>', value, value[:8])


class OperationTable(Table):
    caption = _("Operations")
    label = tables.Column(verbose_name=_("What"), order_by=("label", "-created_at"))
    state = tables.Column(verbose_name=_("State"), order_by=("state", "-created_at"))
    kind = tables.Column(verbose_name=_("Kind"), order_by=("kind", "-created_at"))
    created_by = PersonColumn(verbose_name=_("By"), accessor="asked_by", order_by=("asked_by", "-created_at"), default=_("the portal"))
    created_at = tables.Column(verbose_name=_("Asked"))
    took = tables.Column(verbose_name=_("Took"), orderable=False, empty_values=(), attrs=NUMBER)
    act = tables.TemplateColumn(
        verbose_name=_("Act"), template_name="frontend/operations/act.html", orderable=False, exclude_from_export=True, empty_values=()
    )

    def render_label(self, record):
        return format_html('<a href="{}">{}</a>', self.url("operation", record.pk), record.label)

    def render_state(self, record):
        return badge(record.state)

    def render_took(self, record):
        return duration((record.ended_at - record.started_at).total_seconds()) if record.started_at and record.ended_at else ""
