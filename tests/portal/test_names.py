"""Names and ids that people can say."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError

from portal.errors import NotFound
from portal.names import NAME_RULE, find, name_validators, parse_id
from registry.models import Manifest, ModelVersion
from tests import factories


@pytest.mark.parametrize("name", ["abc", "a-b", "a.b", "0-9", "a" * 32, "1.2.3"])
def test_good_names(name):
    for validator in name_validators:
        validator(name)


@pytest.mark.parametrize("name", ["ab", "a" * 33, "Abc", "a_c", "-ab", "ab-", ".ab", "a b", "a/b", "a:1", "äbc", "abc\n", "a\0c", "аbс"])
def test_bad_names(name):
    with pytest.raises(ValidationError) as refused:
        for validator in name_validators:
            validator(name)
    assert refused.value.messages == [NAME_RULE]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("iris:3", {"name": "iris", "number": 3}),
        ("a.b-c:999999999", {"name": "a.b-c", "number": 999999999}),
        ("iris:0", None),
        ("iris:03", None),
        ("iris:-1", None),
        ("iris:", None),
        ("iris", None),
        (":3", None),
        ("iris:3:4", None),
        ("iris:³", None),
        ("iris:3 ", None),
        ("ir:3", None),
        ("", None),
    ],
)
def test_what_is_said(said, meant):
    assert parse_id(said) == meant


def test_a_uuid_is_an_id():
    some = uuid.uuid4()
    assert parse_id(str(some)) == parse_id(some.hex) == {"id": some}


@pytest.mark.django_db
def test_finding(group):
    version = factories.make_model_version(group)
    manifest = factories.make_manifest(group, models=[version])
    assert find(ModelVersion.objects, "iris:1", noun="model", name_path="model__name") == version
    assert find(Manifest.objects, "iris:1", noun="manifest") == find(Manifest.objects, str(manifest.pk), noun="manifest") == manifest
    with pytest.raises(NotFound, match="There is no manifest iris:2"):
        find(Manifest.objects, "iris:2", noun="manifest")
    with pytest.raises(NotFound, match="Say it as name:number"):
        find(Manifest.objects, "iris", noun="manifest")
