"""Images, environments and services."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments import engines
from deployments.models import Service
from deployments.quantities import parse_cpu, parse_gpus, parse_memory, show_gpus, show_memory
from frontend.forms.base import Choices, NameField, StyledForm


class QuantityField(forms.CharField):
    """CPU or memory as people write them; the value is a number."""

    def __init__(self, *, parse, show=str, **kwargs):
        self.parse, self.show = parse, show
        super().__init__(**kwargs)

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.parse(text, field="value")
        except ValidationError as error:
            raise ValidationError(error.messages) from None

    def prepare_value(self, value):
        return self.show(value) if isinstance(value, int | float) else value


def cpu_field(label: str = _("CPU per replica"), **kwargs) -> QuantityField:
    defaults = {"initial": 0.5, "help_text": _("In cores: 0.5, 1 or 500m."), "required": False}
    return QuantityField(parse=parse_cpu, show=lambda value: f"{value:g}", label=label, **{**defaults, **kwargs})


def memory_field(label: str = _("Memory per replica"), **kwargs) -> QuantityField:
    defaults = {"initial": 512 * 2**20, "help_text": _("512Mi, 1Gi."), "required": False}
    return QuantityField(parse=parse_memory, show=lambda value: show_memory(int(value)), label=label, **{**defaults, **kwargs})


def gpus_field() -> QuantityField:
    return QuantityField(
        parse=parse_gpus,
        show=lambda value: str(show_gpus(int(value))),
        label=_("GPUs per replica"),
        initial=0,
        required=False,
        help_text=_("A number, or all. Only where the environment offers them."),
    )


class RowField(forms.ChoiceField):
    """A choice of rows that one may see, said as people say them; the value is the row."""

    def __init__(self, **kwargs):
        self.rows: dict[str, object] = {}
        super().__init__(choices=[], **kwargs)

    def offer(self, rows, words=str, empty: str | None = None) -> None:
        rows = list(rows)
        self.rows = {str(row): row for row in rows}
        self.choices = ([("", empty)] if empty is not None else []) + [(str(row), words(row)) for row in rows]

    def clean(self, value):
        return self.rows.get(super().clean(value))


def image_words(image) -> str:
    told = {"image": image, "manifest": image.manifest, "digest": image.digest.split(":")[-1][:12]}
    return gettext("%(image)s (manifest %(manifest)s, %(digest)s)") % told


def environment_words(environment) -> str:
    words = f"{environment} ({engines.title(environment.target)})"
    return _("%(environment)s: did not answer when it was tested") % {"environment": words} if environment.reachable is False else words


class CreateImageForm(StyledForm):
    manifest = RowField(label=_("Manifest"), error_messages={"required": _("Choose a manifest.")})
    environment = RowField(
        label=_("Environment"),
        help_text=_("Where it is built. It decides the kind of image."),
        error_messages={"required": _("Choose an environment.")},
    )
    name = NameField(label=_("Image name"), required=False, help_text=_("Left empty, it is called as its manifest."))
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, manifests, environments, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["manifest"].offer(manifests, empty=_("Choose…"))
        self.fields["environment"].offer(environments, environment_words)


class EnvironmentForm(StyledForm):
    name = NameField(label=_("Name"))
    target = forms.ChoiceField(label=_("Kind"), choices=[], widget=Choices, help_text=_("It cannot be changed afterwards."))
    description = forms.CharField(label=_("Description"), required=False, max_length=500)
    max_replicas = forms.IntegerField(label=_("Most replicas of a service"), initial=10, min_value=1, max_value=1000)
    max_cpu = cpu_field(_("Most CPU per replica"), initial=4.0, required=True)
    max_memory = memory_field(_("Most memory per replica"), initial=8 * 2**30, required=True)
    is_default = forms.BooleanField(label=_("Proposed first in forms"), required=False)

    def __init__(self, *args, editing: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        if editing:
            del self.fields["name"], self.fields["target"]
        else:
            offered = engines.aliases()
            words = "<strong>{}</strong><br>{}"
            self.fields["target"].choices = [(alias, format_html(words, engines.title(alias), engines.about(alias))) for alias in offered]
            self.fields["target"].initial = offered[0]


class SizeFields(StyledForm):
    replicas = forms.IntegerField(label=_("Replicas"), initial=1, min_value=1, max_value=1000)
    cpu = cpu_field()
    memory = memory_field()


class CreateServiceForm(SizeFields):
    gpus = gpus_field()
    workers = forms.IntegerField(
        label=_("Processes per replica"),
        required=False,
        min_value=0,
        max_value=64,
        help_text=_(
            "Each calls run() for one request at a time. 0 or empty: one for each whole core where they can share the loaded model."
        ),
    )
    image = RowField(label=_("Image"), error_messages={"required": _("Choose an image.")})
    environment = RowField(label=_("Environment"), error_messages={"required": _("Choose an environment.")})
    name = NameField(label=_("Service name"), help_text=_("It becomes a part of the URL and stays."))
    access = forms.ChoiceField(label=_("Access"), choices=Service.Access.choices)
    timeout = forms.IntegerField(label=_("Seconds a call may take"), initial=60, min_value=1, max_value=3600)
    allowed_origins = forms.CharField(
        label=_("Web pages that may call it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Origins, one a line, like https://app.example.org. This portal may always."),
    )
    collect_data = forms.BooleanField(label=_("Collect inputs and predictions (the score file's ModelDataCollector)"), required=False)
    batching = forms.BooleanField(
        label=_("Put waiting requests into one call of run()"),
        required=False,
        initial=True,
        help_text=_("Only where the first start of the image has shown that every row is answered as if it were alone."),
    )
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    contact = forms.CharField(
        label=_("Contact"), required=False, max_length=200, help_text=_("Whom callers ask: a name, an address, a channel.")
    )

    open_page = forms.BooleanField(
        label=_("Anyone with the address may read its page"),
        required=False,
        help_text=_("Without an account: what it does, how it is called, its schema, and the contact. No keys, logs or figures."),
    )

    def __init__(self, *args, images, environments, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["image"].offer(images, image_words, empty=_("Choose…"))
        self.fields["environment"].offer(environments, environment_words)

    SECTIONS = [
        (_("What"), ("image",)),
        (_("Where"), ("environment", "name")),
        (_("How much"), ("replicas", "cpu", "memory", "gpus", "workers")),
        (_("Access"), ("access", "allowed_origins", "timeout")),
        (_("Options"), ("collect_data", "batching")),
        (_("For people"), ("description", "contact", "open_page")),
        (_("History"), ("note",)),
    ]

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings; what no heading names stands under the options."""
        named = {name for _title, names in self.SECTIONS for name in names}
        left = [field for field in self.visible_fields() if field.name not in named]
        found = []
        for title, names in self.SECTIONS:
            fields = [self[name] for name in names if name in self.fields] + (left if "batching" in names else [])
            found += [(title, fields)] if fields else []
        return found

    def clean_workers(self) -> int:
        return self.cleaned_data["workers"] or 0

    def clean_allowed_origins(self) -> list[str]:
        return self.cleaned_data["allowed_origins"].split()


class UpdateServiceForm(CreateServiceForm):
    note = forms.CharField(label=_("Note for the history"), required=False, max_length=300)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, environments=[], **kwargs)
        del self.fields["environment"], self.fields["name"]


class DangerForm(StyledForm):
    """The name, typed, for what cannot be brought back."""

    unmarked = frozenset({"confirm"})

    confirm = forms.CharField(
        label=_("Type the name to confirm"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(self, *args, expected: str, **kwargs):
        self.expected = expected
        super().__init__(*args, **kwargs)
        self.fields["confirm"].label = gettext("Type %(name)s to confirm") % {"name": expected}

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"].strip() != self.expected:
            raise ValidationError(gettext("Type %(name)s exactly.") % {"name": self.expected})
        return self.expected


class ConfirmForm(StyledForm):
    """Nothing to fill in: the page says what goes and what stays."""
