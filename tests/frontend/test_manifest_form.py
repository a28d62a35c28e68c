"""The manifest form: written from a model, from another manifest or from a draft; its script checks, keeps and shows as one writes."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from registry.actions.aliases import move_alias
from registry.actions.drafts import save_draft
from registry.models import Manifest, ManifestDraft
from tests import factories
from tests.frontend.test_browser import browser, visit  # noqa: F401
from tests.registry import saved_models as saved

pytestmark = pytest.mark.django_db
PAGE = "/g/demo/manifests/new"


def values(response) -> dict:
    return {bound.html_name: bound.value() for bound in response.context["form"]}


@pytest.fixture
def boosted(group, contributor):
    return factories.make_model_version(group, name="churn", files={"churn.json": saved.xgboost_json(["age"])}, user=contributor)


def test_the_rest_is_written_from_the_model(browse, boosted, contributor):
    client = browse(contributor)
    shown = client.post(PAGE, {"name": "churn", "models": ["churn:1"], "runtime": "python", "generate": "1"})
    assert shown.status_code == 200 and "Written from a XGBoost model" in shown.content.decode()
    found = values(shown)
    assert "xgboost.Booster" in found["driver"] and "xgboost-cpu" in found["dependencies"] and found["models"] == ["churn:1"]
    sent = {name: value for name, value in found.items() if value not in (None, False)}
    assert client.post(PAGE, sent)["Location"] == "/g/demo/manifests/churn:1"
    assert "Choose a model first" in client.post(PAGE, {"generate": "1"}).content.decode()


def test_any_version_however_old_is_typed_or_searched(browse, group, contributor, stranger):
    for number in range(30):
        factories.make_model_version(group, name="many", files={"a": str(number).encode()}, user=contributor)
    other = factories.make_model_version(group, name="churn", user=contributor)
    move_alias(user=contributor, version=other, name="champion")
    client = browse(contributor)
    assert "many:2<" not in client.get(PAGE).content.decode().replace(" ", "")
    sent = {"name": "typed", "driver": factories.DOUBLE.decode(), "runtime": "python", "models": ["many:30"]}
    refused = client.post(PAGE, sent | {"more_models": "many:2, many:99 churn"})
    assert (
        refused.status_code == 422
        and values(refused)["models"] == ["many:30", "many:2"]
        and values(refused)["more_models"] == "many:99 churn"
    )
    errors = refused.context["form"].errors["more_models"]
    assert "There is no model many:99" in errors[0] and "Say it as name:number" in errors[1]
    assert client.post(PAGE, sent | {"models": [], "more_models": "many:2 churn@champion"}).status_code == 302
    assert [str(use.version) for use in Manifest.objects.get().uses.all()] == ["many:2", "churn:1"]
    found = client.get("/g/demo/manifests/find-models?more_models=many:2").content.decode()
    assert 'data-add-model="many:2"' in found and "churn" not in found
    assert "type more of the name" in client.get("/g/demo/manifests/find-models?more_models=many").content.decode()
    assert browse(stranger).get("/g/demo/manifests/find-models?more_models=many").status_code == 404


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_old_version_is_found_while_one_types(visit, group, things):  # noqa: F811
    for number in range(14):
        factories.make_model_version(group, name="many", files={"a": str(number).encode()})
    page = visit()
    page.goto(PAGE)
    expect(page.get_by_label("iris:1", exact=True)).to_have_count(0)
    page.get_by_label("Another model").press_sequentially("iris")
    page.get_by_role("button", name="iris:1").click()
    expect(page.get_by_label("iris:1", exact=True)).to_be_checked()
    expect(page.get_by_label("Another model")).to_be_focused()
    expect(page.locator("[data-part=models] .part-state")).to_contain_text("in order")


def test_a_newer_model_is_one_click_away(browse, group, boosted, contributor):
    manifest = factories.make_manifest(group, name="churn", models=[boosted], user=contributor)
    factories.make_model_version(group, name="churn", files={"churn.json": b"newer"}, user=contributor)
    page = browse(contributor).get(f"/g/demo/manifests/{manifest}").content.decode()
    assert "?from=churn:1&amp;newest=1" in page
    assert values(browse(contributor).get(f"{PAGE}?from=churn:1&newest=1"))["models"] == ["churn:2"]


def test_a_draft_is_gone_on_with_and_goes_with_its_manifest(browse, group, contributor, owner):
    draft = save_draft(user=contributor, group=group, content={"name": "kept", "driver": factories.DOUBLE.decode(), "models": []})
    client = browse(contributor)
    assert "kept" in client.get(PAGE).content.decode()
    found = values(client.get(f"{PAGE}?draft={draft.pk}"))
    assert (found["name"], found["draft"]) == ("kept", str(draft.pk))
    assert browse(owner).get(f"{PAGE}?draft={draft.pk}").status_code == 404
    sent = {**{name: value for name, value in found.items() if value not in (None, False)}, "runtime": "python"}
    assert client.post(PAGE, sent).status_code == 302
    assert Manifest.objects.get().name == "kept" and not ManifestDraft.objects.exists()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_form_checks_and_keeps_while_one_writes(visit, things):  # noqa: F811
    page = visit()
    page.goto(PAGE)
    page.get_by_label("Name", exact=True).fill("typed")
    page.locator("#id_driver").evaluate(
        "(area, text) => { area.value = text; area.dispatchEvent(new CustomEvent('set', {detail: text})) }",
        "import xgboost\n\n\ndef init():\n    pass\n\n\ndef run(rows):\n    return rows\n",
    )
    driver = page.locator("[data-part=driver] .part-state")
    expect(driver).to_have_text("! 1 hint")
    page.locator("[data-problems=driver] button").click()
    expect(page.locator("#part-driver .cm-activeLine")).to_have_text("import xgboost")
    # A sample becomes a schema, the schema a grid, and a fault of both stands at its line.
    sample = page.locator("#part-schema .cm-content").first
    sample.click()
    page.keyboard.insert_text("age,plan\n41,basic\n")
    page.get_by_role("button", name="Make the schema of it").click()
    grid = page.locator("[data-grid] tbody tr")
    expect(grid).to_have_count(2)
    expect(driver).to_have_text("✕ 1 problem")
    expect(page.locator("[data-problems=driver]")).to_contain_text("the schema calls its input `input_df`")
    grid.first.get_by_role("combobox").select_option("number")
    schema = json.loads(page.locator("#id_schema").input_value())
    assert schema["input"]["input_df"]["internal"]["columns"][0] == {"name": "age", "dtype": "float64"}
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved", timeout=15_000)
    expect(page.locator("#rest-call")).to_contain_text('"name": "typed"')
    draft = ManifestDraft.objects.get()
    page.goto(f"{PAGE}?draft={draft.pk}")
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed")


def test_two_manifests_side_by_side(browse, group, boosted, contributor, stranger):
    for driver in (factories.DOUBLE, factories.DOUBLE.replace(b"2", b"3")):
        factories.make_manifest(group, name="churn", models=[boosted], user=contributor, driver=driver)
    client = browse(contributor)
    page = client.get("/g/demo/manifests/churn:2/compare?with=churn:1").content.decode()
    assert "-    FACTOR = 2" in page and "+    FACTOR = 3" in page
    assert "No difference." in client.get("/g/demo/manifests/churn:2/compare?with=churn:2").content.decode()
    assert client.get("/g/demo/manifests/churn:2/compare?with=other:1").status_code == 404
    assert browse(stranger).get("/g/demo/manifests/churn:2/compare?with=churn:1").status_code == 404


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_model_that_has_arrived_is_looked_at_by_itself(visit, things):  # noqa: F811
    page = visit()
    page.goto("/g/demo/deploy")
    page.locator("input[name=model_files]").set_input_files(
        {"name": "churn.json", "mimeType": "application/json", "buffer": saved.xgboost_json(["age"])}
    )
    expect(page.locator("#found")).to_contain_text("Recognised: XGBoost")
    expect(page.get_by_label("Service name")).to_have_value("churn")
    expect(page.locator("#id_driver")).to_have_value(re.compile(r"xgboost\.Booster"))
    # A scoring file of one's own goes without the schema that was proposed.
    page.get_by_text("Scoring file, schema and dependencies").click()
    page.locator("input[name=driver_file]").set_input_files({"name": "score.py", "mimeType": "text/x-python", "buffer": b"x = 1\n"})
    expect(page.locator("#id_schema")).to_have_value("")
