"""Filters of the lists of deployments; those of the registry are shared with REST (registry.filters)."""

from __future__ import annotations

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.models import Operation

SEARCH = {"type": "search", "class": "form-control"}
SELECT = {"class": "form-select"}


def search(label: str, **options) -> django_filters.CharFilter:
    return django_filters.CharFilter(
        label=label, lookup_expr="icontains", widget=forms.TextInput(attrs={**SEARCH, "placeholder": label}), **options
    )


class ServiceFilter(django_filters.FilterSet):
    q = search(_("Name"), field_name="name")
    image = search(_("Image name"), field_name="revisions__image__name", distinct=True)


class EnvironmentFilter(django_filters.FilterSet):
    q = search(_("Name"), field_name="name")


class OperationFilter(django_filters.FilterSet):
    q = search(_("What"), field_name="label")
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=Operation.State.choices, empty_label=_("Any state"), widget=forms.Select(attrs=SELECT)
    )
    kind = django_filters.ChoiceFilter(
        label=_("Kind"), choices=Operation.Kind.choices, empty_label=_("Any kind"), widget=forms.Select(attrs=SELECT)
    )
    running = django_filters.BooleanFilter(label=_("Running now"), method="only_running", widget=forms.HiddenInput)

    def only_running(self, rows, name, value):
        return rows.filter(state__in=[Operation.State.NOT_STARTED, Operation.State.RUNNING]) if value else rows
