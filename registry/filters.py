"""Filters of the lists, declared once and used by both doors."""

from __future__ import annotations

import django_filters
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from portal.names import parse_id
from registry.models import Image, Manifest, ManifestModel, ModelVersion


def said(path: str, value: str) -> Q:
    """What people say for a thing at `path`: `iris` (every number of it), `iris:3`, or a uuid."""
    wanted = parse_id(value)
    if wanted is None:
        return Q(**{f"{path}name": value})
    if "id" in wanted:
        return Q(**{f"{path}pk": wanted["id"]})
    return Q(**{f"{path}name": wanted["name"], f"{path}number": wanted["number"]})


def version_words(value: str) -> Q:
    """Model versions that hold this text in what is searched, or are said by it."""
    exact = parse_id(value)
    if exact and "id" in exact:
        return Q(pk=exact["id"])
    found = Q(words__contains=value.lower())
    return found | Q(**exact) if exact else found


class ModelFilter(django_filters.FilterSet):
    """Model versions."""

    q = django_filters.CharFilter(method="search", label=_("Search"))
    name = django_filters.CharFilter(field_name="name", label=_("Name"))
    tag = django_filters.CharFilter(field_name="tags__word", label=_("Tag"))
    framework = django_filters.CharFilter(field_name="framework", lookup_expr="iexact", label=_("Framework"))
    alias = django_filters.CharFilter(field_name="aliases__name", label=_("Alias"))
    by = django_filters.CharFilter(field_name="created_by__username", label=_("Registered by"))
    manifest = django_filters.CharFilter(method="by_manifest", label=_("Manifest"))

    class Meta:
        model = ModelVersion
        fields: list[str] = []

    def search(self, queryset, field, value):
        return queryset.filter(version_words(value))

    def by_manifest(self, queryset, field, value):
        uses = ManifestModel.objects.filter(said("manifest__", value), version=OuterRef("pk"))
        return queryset.filter(Exists(uses))


class ManifestFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="search", label=_("Search"))
    name = django_filters.CharFilter(field_name="name", label=_("Name"))
    model = django_filters.CharFilter(method="by_model", label=_("Model"))
    tag = django_filters.CharFilter(method="by_tag", label=_("Tag of a model"))
    runtime = django_filters.CharFilter(field_name="runtime", label=_("Runtime"))

    class Meta:
        model = Manifest
        fields: list[str] = []

    def search(self, queryset, field, value):
        return queryset.filter(by_words(value))

    def by_model(self, queryset, field, value):
        return queryset.filter(Exists(ManifestModel.objects.filter(said("version__", value), manifest=OuterRef("pk"))))

    def by_tag(self, queryset, field, value):
        return queryset.filter(Exists(ManifestModel.objects.filter(version__tags__word=value, manifest=OuterRef("pk"))))


class ImageFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="search", label=_("Search"))
    name = django_filters.CharFilter(field_name="name", label=_("Name"))
    manifest = django_filters.CharFilter(method="by_manifest", label=_("Manifest"))
    model = django_filters.CharFilter(method="by_model", label=_("Model"))
    built = django_filters.BooleanFilter(method="by_built", label=_("Built"))

    class Meta:
        model = Image
        fields: list[str] = []

    def search(self, queryset, field, value):
        return queryset.filter(by_words(value))

    def by_manifest(self, queryset, field, value):
        return queryset.filter(said("manifest__", value))

    def by_model(self, queryset, field, value):
        return queryset.filter(Exists(ManifestModel.objects.filter(said("version__", value), manifest=OuterRef("manifest"))))

    def by_built(self, queryset, field, value):
        return queryset.exclude(digest="") if value else queryset.filter(digest="")


def by_words(value: str) -> Q:
    """Manifests and images: by name, description, or as they are said."""
    # A name is lower-case by its rule.
    exact = parse_id(value)
    if exact and "id" in exact:
        return Q(pk=exact["id"])
    found = Q(name__contains=value.lower()) | Q(description__icontains=value)
    return found | Q(name=exact["name"], number=exact["number"]) if exact else found
