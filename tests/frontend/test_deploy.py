"""The one-page deployment without script: look at a model, change nothing or something, deploy, follow."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from deployments.models import Operation, Service
from frontend.views.deploy import name_for
from registry.models import Manifest, ModelVersion
from registry.storage import read_asset
from scoring.schema import Pandas, Schema
from tests import factories
from tests.registry import saved_models as saved

pytestmark = pytest.mark.django_db
PAGE = "/g/demo/deploy"
SIZE = {"replicas": "1", "cpu": "0.5", "memory": "512Mi", "access": "key", "runtime": "python", "environment": "local"}


@pytest.fixture
def browser(browse, group, contributor):
    factories.make_environment(group, is_default=True)
    return browse(contributor)


def model(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("churn.json", data or saved.xgboost_json(["age", "income"]))


def stands(response) -> dict:
    """What a browser would send of the form that it was given."""
    values = {bound.html_name: bound.value() for bound in response.context["form"]}
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_a_look_registers_nothing_and_fills_the_form(browser):
    shown = browser.post(PAGE, {**SIZE, "look": "1", "model_files": model()})
    page = shown.content.decode()
    assert shown.status_code == 200 and "Recognised: XGBoost" in page and "<code>income</code>" in page
    assert stands(shown)["name"] == "churn" and "xgboost.Booster" in stands(shown)["driver"]
    assert not ModelVersion.objects.exists() and not Manifest.objects.exists()
    # A sample says more, and what nobody changed is written anew.
    again = browser.post(PAGE, {**stands(shown), "look": "1", "sample": "age,income\n41,2.5"})
    assert '"int64"' in stands(again)["schema"] and stands(again)["model_set"] == stands(shown)["model_set"]


def test_a_service_of_that_name_is_told_with_what_its_callers_must_change(browser, group):
    sent = {**SIZE, "look": "1", "model_files": model()}
    assert "is there already" not in browser.post(PAGE, sent).content.decode()
    schema = {"data": Pandas([("age", "text"), ("region", "text")])}
    written = ("schema.json", json.dumps(Schema(schema).to_json()).encode())
    manifest = factories.make_manifest(group, schema=written)
    factories.make_service(group, name="churn", image=factories.make_image(group, manifest=manifest))
    page = browser.post(PAGE, {**sent, "model_files": model()}).content.decode()
    told = page[page.index("A service called churn is there already") :]
    assert "no longer taken: <code>region</code>" in told and "new: <code>income</code>" in told and "was text" in told
    written = ("schema.json", written[1].replace(b"region", b"income").replace(b'"text"', b'"int64"'))
    manifest = factories.make_manifest(group, name="two", schema=written)
    Service.objects.get().revisions.update(image=factories.make_image(group, name="two", manifest=manifest))
    page = browser.post(PAGE, {**sent, "model_files": model()}).content.decode()
    assert "is there already" in page and "must change" not in page, "whole numbers are numbers"


def test_what_somebody_wrote_stays(browser):
    shown = browser.post(PAGE, {**SIZE, "look": "1", "model_files": model()})
    mine = stands(shown)["driver"] + "# mine\n"
    again = browser.post(PAGE, {**stands(shown), "driver": mine, "look": "1"})
    assert stands(again)["driver"] == mine
    sent = browser.post(PAGE, stands(again))
    assert sent.status_code == 302, sent.context["form"].errors
    assert read_asset(Manifest.objects.get().driver.asset).decode().strip() == mine.strip()


def test_nothing_but_a_model_is_deployed_and_followed(browser, contributor):
    sent = browser.post(PAGE, {**SIZE, "name": "churn", "model_files": model()})
    assert sent.status_code == 302, sent.context["form"].errors
    manifest = Manifest.objects.get()
    assert str(manifest.uses.get().version) == "churn:1" and b"xgboost.Booster" in read_asset(manifest.driver.asset)
    page = browser.get(sent["Location"]).content.decode()
    assert 'id="key-primary"' in page and "Build image" in page and "Roll out service" in page
    assert 'id="key-primary"' not in browser.get(sent["Location"]).content.decode()
    Operation.objects.update(state="Failed", error={"message": "There is no package xgboots.", "code": "BuildFailed"})
    assert "There is no package xgboots." in browser.get(sent["Location"]).content.decode()


def test_a_model_that_nobody_knows_says_what_to_do(browser):
    sent = {**SIZE, "name": "notes", "model_files": model(b"words")}
    assert "No scoring file could be written" in browser.post(PAGE, {**sent, "look": "1"}).content.decode()
    refused = browser.post(PAGE, {**sent, "model_files": model(b"words")})
    assert refused.status_code == 422 and "is no kind of model" in str(refused.context["form"].errors["driver"])
    assert not ModelVersion.objects.exists()
    assert "Choose the model first" in browser.post(PAGE, {**SIZE, "look": "1"}).content.decode()


def test_readers_do_not_look(browse, group, reader):
    factories.make_environment(group, is_default=True)
    assert browse(reader).post(PAGE, {**SIZE, "look": "1", "model_files": model()}).status_code == 403
    text = browse(reader).get(PAGE).content.decode()
    assert text.index("This needs Contributor") < text.index("data-uploads"), "told before a model is chosen"


@pytest.mark.parametrize(
    ("path", "name"),
    [("churn.joblib", "churn"), ("My Model v2.pkl", "my-model-v2"), ("net/a.bin", "net"), ("m.pkl", "m-model"), ("", ""), ("ü.onnx", "")],
)
def test_names_proposed_for_services(path, name):
    assert name_for(path) == name


def test_what_was_deployed_is_no_upload_that_waits(browser):
    shown = browser.post(PAGE, {**SIZE, "look": "1", "model_files": model()})
    sets = "/api/v1/groups/demo/uploads/"
    assert [one["firstPath"] for one in browser.get(sets).json()] == ["churn.json"]
    assert browser.post(PAGE, stands(shown)).status_code == 302
    assert browser.get(sets).json() == []
    # The same form once more, by Back or a double click: said, and nothing is made twice.
    again = browser.post(PAGE, stands(shown))
    assert again.status_code == 409 and "used already" in again.content.decode() and ModelVersion.objects.count() == 1
