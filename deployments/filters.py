"""How services are narrowed, at both doors."""

from __future__ import annotations

import django_filters as filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments import standing
from deployments.models import Service
from portal.names import parse_id

STATES = [("running", _("Running")), ("trouble", _("In trouble")), ("stopped", _("Stopped"))]


class ServiceFilter(filters.FilterSet):
    """The original's filters: by name, model, manifest, image and environment."""

    name = filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Name"))
    environment = filters.CharFilter(field_name="environment__name", label=_("Environment"))
    image = filters.CharFilter(method="by_image", label=_("Image"))
    manifest = filters.CharFilter(method="by_manifest", label=_("Manifest"))
    model = filters.CharFilter(method="by_model", label=_("Model"))

    state = filters.ChoiceFilter(choices=STATES, method="by_state", label=_("State"), empty_label=_("Any state"))

    class Meta:
        model = Service
        fields = ["name", "environment", "image", "manifest", "model", "state"]

    def by_state(self, queryset, name, value):
        if value == "stopped":
            return queryset.filter(stopped=True, deleting=False)
        if value == "running":
            return queryset.filter(pk__in=standing.running(queryset).values("pk"))
        in_trouble = Q(pk__in=standing.short(queryset).values("pk")) | Q(pk__in=standing.gone(queryset).values("pk"))
        return queryset.filter(in_trouble)

    def by_image(self, queryset, name, value):
        return self._serving(queryset, "revisions__image", value)

    def by_manifest(self, queryset, name, value):
        return self._serving(queryset, "revisions__image__manifest", value)

    def by_model(self, queryset, name, value):
        path = "revisions__image__manifest__model_versions"
        said = parse_id(value)
        wanted = {f"{path}__model__name": value}
        if said:
            wanted = (
                {f"{path}__pk": said["id"]} if "id" in said else {f"{path}__model__name": said["name"], f"{path}__number": said["number"]}
            )
        return queryset.filter(revisions__state="Serving", **wanted).distinct()

    @staticmethod
    def _serving(queryset, path: str, value: str):
        said = parse_id(value) or {"name": value}
        return queryset.filter(revisions__state="Serving", **{f"{path}__{field}": part for field, part in said.items()}).distinct()
