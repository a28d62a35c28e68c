"""What a service's pages say of it: its state and what to do, its last hour, its history, its forms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.models import Operation, Replica, Revision, Service
from frontend.forms.deployments import CreateServiceForm, UpdateServiceForm
from frontend.sparklines import path_of
from registry.models import Image
from tests.deployments.test_traffic import call, count
from tests.frontend.test_forms import fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(browse, things, contributor):
    def read(name: str = "") -> str:
        return browse(contributor).get(f"/g/demo/services/iris/{name}").content.decode()

    return read


def test_a_stopped_service_offers_its_start(page, things):
    things.service.stopped = True
    things.service.save()
    assert "Callers get 503" in page() and 'action="/g/demo/services/iris/start"' in page()


def test_a_degraded_service_says_why_and_what_to_do(page, things):
    things.service.replicas = 2
    things.service.save()
    Replica.objects.create(
        revision=things.service.revisions.get(), name="two", state="crashed", detail="MemoryError in init().", observed_at=timezone.now()
    )
    text = page()
    assert "1 of 2 replicas take calls" in text and "MemoryError in init()." in text and "Raise the memory" in text
    Replica.objects.update(state="crashed", detail="It ended with exit code 3.")
    assert "No replica takes calls" in page() and "Change its settings" in page()


def test_a_service_whose_first_image_failed_leads_to_that_build(page, things, group):
    service = things.service
    service.revisions.all().delete()
    Service.objects.update(trouble="Its first image could not be built: no module.")
    built = Operation.objects.create(
        group=group, kind=Operation.Kind.IMAGE, state=Operation.State.FAILED, then={"service": str(service.pk)}
    )
    text = page()
    assert f"/g/demo/operations/{built.pk}" in text and "Open the logs" not in text and "Its first image is not built." in text


def test_the_overview_shows_what_is_called_and_what_is_in_it(page, things):
    image = things.service.revisions.get().image
    image.probe = {"sample_result": ["setosa"]}
    image.save()
    count(call(things.service), call(things.service, status=500))
    text = page()
    for words in ("What it answers to that", "setosa", "PowerShell", "/g/demo/models/iris:1", "50 %", "swagger.json"):
        assert words in text, words


def test_the_list_says_how_each_service_is_doing(browse, things, reader):
    count(*(call(things.service, status=status) for status in (200, 200, 200, 500)))
    text = browse(reader).get("/g/demo/services/").content.decode()
    assert "25\N{NO-BREAK SPACE}%" in text and "\N{NO-BREAK SPACE}ms" in text and "0.267" in text


def test_history_says_how_long_each_revision_served(page, things):
    first = things.service.revisions.get()
    now = timezone.now()
    Revision.objects.filter(pk=first.pk).update(state="Retired", serving_at=now - timedelta(hours=3), ended_at=now - timedelta(hours=1))
    text = page("history")
    assert ">2 h<" in text and "Roll back to this" in text


def test_every_field_of_the_forms_stands_under_a_heading(things):
    for form in (CreateServiceForm(images=Image.objects.none(), environments=[]), UpdateServiceForm(images=Image.objects.none())):
        shown = [field.name for _, fields in form.sections for field in fields]
        assert sorted(shown) == sorted(field.name for field in form.visible_fields()) and len(shown) == len(set(shown))


def test_settings_are_kept_when_they_are_refused(browse, things, contributor):
    answer = browse(contributor).post("/g/demo/services/iris/settings", {"image": "iris:1", "replicas": "900", "contact": "Ada"})
    assert answer.status_code == 422 and fields_of(answer) and 'value="Ada"' in answer.content.decode()


def test_a_picture_of_an_hour_keeps_its_gaps():
    assert path_of([]) == path_of([None, None]) == ""
    assert path_of([0, 1, None, 1]).count("M") == 2
