"""How the log of events is narrowed, at both doors."""

from __future__ import annotations

from datetime import UTC, datetime, time

import django_filters
from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.events import EventTag
from portal.accounts.models import Event, User


class EventFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="search", label=_("Person, thing or request"))
    tag = django_filters.ChoiceFilter(choices=[(tag.value, tag.value) for tag in EventTag], label=_("Action"), empty_label=_("Any action"))
    actor = django_filters.CharFilter(method="by_person", label=_("Person"))
    since = django_filters.DateFilter(method="from_day", label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = django_filters.DateFilter(method="to_day", label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}))
    subject_type = django_filters.CharFilter(field_name="subject_type", label=_("Kind of thing"), widget=forms.HiddenInput)
    subject_id = django_filters.CharFilter(field_name="subject_id", label=_("Thing"), widget=forms.HiddenInput)

    class Meta:
        model = Event
        fields: list[str] = []

    def by_person(self, rows, name, value):
        """In any case, but by the names that there are: an index knows those, and not what they would be in capitals."""
        return rows.filter(actor_label__in={value, *User.objects.filter(username__iexact=value).values_list("username", flat=True)})

    # Moments, because no index knows the day of a moment.
    def from_day(self, rows, name, value):
        return rows.filter(created_at__gte=datetime.combine(value, time.min, UTC))

    def to_day(self, rows, name, value):
        return rows.filter(created_at__lte=datetime.combine(value, time.max, UTC))

    def search(self, rows, name, value):
        """Actions by the names that there are, people by what is written, as some are gone: each part of the question has its index."""
        tags = [tag.value for tag in EventTag if value.lower() in tag.value]
        named = Q(subject_label__icontains=value) | Q(actor_label__icontains=value)
        return rows.filter(named | Q(request_id=value) | Q(tag__in=tags))
