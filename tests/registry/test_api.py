"""The registry over REST: lists, filters, one thing by what people say, downloads, and who may."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from django.utils import timezone

from registry.actions.aliases import move_alias
from registry.models import ModelVersion, RegisteredModel
from tests import factories

pytestmark = pytest.mark.django_db
MODELS, MANIFESTS, IMAGES = (f"/api/v1/groups/demo/{noun}/" for noun in ("models", "manifests", "images"))


@pytest.fixture
def client(client_for, contributor):
    return client_for(contributor)


def refs(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["ref"] for row in answer.json()["value"]]


def test_a_model_version_by_what_people_say_and_by_uuid(client, group):
    version = factories.make_model_version(group, tags=["b", "a"], description="Words")
    manifest = factories.make_manifest(group, models=[version])
    factories.make_service(group, name="prod", image=factories.make_image(group, manifest=manifest))
    said, by_id = (client.get(f"{MODELS}{each}/").json() for each in ("iris:1", version.pk))
    assert said == by_id
    assert (said["name"], said["version"], said["ref"], said["tags"], said["description"]) == ("iris", 1, "iris:1", ["a", "b"], "Words")
    assert said["files"] == [{"path": "model.pkl", "size": 7, "sha256": hashlib.sha256(b"a model").hexdigest()}]
    assert said["usedBy"] == {"manifests": ["iris:1"], "images": ["iris:1"], "services": ["prod"]}


@pytest.mark.parametrize("said", ["iris:2", "iris:0", "iris", "iris:x", "00000000-0000-4000-8000-000000000000", "iris:99999999999"])
def test_what_is_not_there_is_404_in_the_one_shape(client, group, said):
    factories.make_model_version(group)
    answer = client.get(f"{MODELS}{said}/")
    body = answer.json()
    assert answer.status_code == 404 and set(body) == {"code", "message", "statusCode", "requestId", "details"}
    assert (body["code"], body["statusCode"]) == ("NotFound", 404)


def test_a_neighbour_sees_nothing(client_for, group):
    other = factories.make_group("other")
    neighbour = client_for(factories.make_user("owner", other))
    version, manifest, image = factories.make_model_version(group), factories.make_manifest(group, models=[]), factories.make_image(group)
    for url in (
        MODELS,
        f"{MODELS}iris:1/",
        f"{MODELS}{version.pk}/files/model.pkl",
        f"{MANIFESTS}{manifest.pk}/",
        f"{IMAGES}{image.pk}/",
        f"{MODELS}names/",
    ):
        assert neighbour.get(url).status_code == 404
        # Nor through their own group's address.
        mine = neighbour.get(url.replace("/demo/", "/other/"))
        assert mine.status_code == 404 or mine.json()["value"] == []


def test_models_are_filtered(client, group):
    one = factories.make_model_version(group, name="iris", tags=["prod", "eu"], framework="sklearn")
    factories.make_model_version(group, name="iris", tags=["test"], description="second try")
    grace = factories.make_user("contributor", group, "grace")
    factories.make_model_version(group, name="wine", framework="Torch", files={"a/b": b"1", "a/c": b"2"}, user=grace)
    move_alias(user=grace, version=one, name="champion")
    factories.make_manifest(group, name="recipe", models=[one])
    factories.make_model_version(factories.make_group("other"), name="iris", tags=["prod"])
    expected = {
        "": ["wine:1", "iris:2", "iris:1"],
        "name=iris": ["iris:2", "iris:1"],
        "tag=prod": ["iris:1"],
        "framework=torch": ["wine:1"],
        "alias=champion": ["iris:1"],
        "by=grace": ["wine:1"],
        "manifest=recipe": ["iris:1"],
        "manifest=recipe:1": ["iris:1"],
        "manifest=recipe:2": [],
        "q=second": ["iris:2"],
        "q=EU": ["iris:1"],
        "q=iris:2": ["iris:2"],
        f"q={one.pk}": ["iris:1"],
        "name=iris&tag=test": ["iris:2"],
        "name=nobody": [],
    }
    assert {query: refs(client.get(f"{MODELS}?{query}")) for query in expected} == expected


def test_manifests_and_images_are_filtered(client, group):
    first, second = (
        factories.make_model_version(group, tags=["prod"]),
        factories.make_model_version(group, name="wine", files={"wine.pkl": b"2"}),
    )
    one = factories.make_manifest(group, name="one", models=[first])
    two = factories.make_manifest(group, name="two", models=[first, second], description="about wine")
    factories.make_image(group, name="img", manifest=one)
    factories.make_image(group, name="img", manifest=two, built=False)
    manifests = {
        "": ["two:1", "one:1"],
        "model=iris": ["two:1", "one:1"],
        "model=wine:1": ["two:1"],
        f"model={second.pk}": ["two:1"],
        "tag=prod": ["two:1", "one:1"],
        "name=one": ["one:1"],
        "runtime=spark-py": [],
        "q=wine": ["two:1"],
        "q=one:1": ["one:1"],
    }
    assert {query: refs(client.get(f"{MANIFESTS}?{query}")) for query in manifests} == manifests
    images = {
        "": ["img:2", "img:1"],
        "manifest=one:1": ["img:1"],
        "manifest=two": ["img:2"],
        "model=wine": ["img:2"],
        "built=true": ["img:1"],
        "q=img:1": ["img:1"],
    }
    assert {query: refs(client.get(f"{IMAGES}?{query}")) for query in images} == images


def test_pages_follow_each_other(client, group):
    for _ in range(5):
        factories.make_model_version(group)
    seen, url = [], f"{MODELS}?count=2"
    while url:
        page = client.get(url).json()
        seen += [row["ref"] for row in page["value"]]
        url = page["nextLink"]
    assert seen == [f"iris:{number}" for number in (5, 4, 3, 2, 1)]
    for bad in ("count=0", "count=x", "count=501", "$skipToken=zzz"):
        assert client.get(f"{MODELS}?{bad}").status_code == 400


def test_names_with_their_versions(client, group):
    for name in ("iris", "iris", "wine"):
        factories.make_model_version(group, name=name)
    rows = client.get(f"{MODELS}names/").json()["value"]
    assert [(row["name"], row["versions"], row["latest"]) for row in rows] == [("iris", 2, 2), ("wine", 1, 1)]


@pytest.mark.parametrize(("noun", "most"), [("models", 8), ("models/names", 8), ("manifests", 9), ("images", 8)])
def test_a_list_asks_a_handful_of_queries_however_long_it_is(client, group, django_assert_max_num_queries, noun, most):
    for _ in range(12):
        factories.make_image(group, manifest=factories.make_manifest(group, models=[factories.make_model_version(group, tags=["a", "b"])]))
    with django_assert_max_num_queries(most):
        assert len(client.get(f"/api/v1/groups/demo/{noun}/").json()["value"]) == (1 if noun == "models/names" else 12)


def body_of(answer) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_a_file_is_an_attachment_that_no_browser_runs(client, group):
    page = b"<script>alert(1)</script>"
    factories.make_model_version(group, name="page", files={"site/a.html": page, "site/größe.txt": b"2"})
    answer = client.get(f"{MODELS}page:1/files/a.html")
    assert body_of(answer) == page
    assert answer["Content-Disposition"] == 'attachment; filename="a.html"' and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "application/octet-stream" and answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["Content-Length"] == str(len(page)) and answer["ETag"] == f'"{hashlib.sha256(page).hexdigest()}"'
    assert client.get(f"{MODELS}page:1/files/a.html", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert "filename*=utf-8''gr%C3%B6%C3%9Fe.txt" in client.get(f"{MODELS}page:1/files/größe.txt")["Content-Disposition"]
    for missing in ("b.html", "../a.html", "site/a.html"):
        assert client.get(f"{MODELS}page:1/files/{missing}").status_code == 404


def test_a_whole_version(client, group):
    factories.make_model_version(group, name="one")
    factories.make_model_version(group, name="two", files={"m/a.txt": b"1" * 5000, "m/sub/b.txt": b"2"})
    single = client.get(f"{MODELS}one:1/download")
    assert body_of(single) == b"a model" and 'filename="model.pkl"' in single["Content-Disposition"]
    answer = client.get(f"{MODELS}two:1/download")
    data = body_of(answer)
    assert answer["Content-Length"] == str(len(data)) and 'filename="two-1.zip"' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {"m/a.txt": b"1" * 5000, "m/sub/b.txt": b"2"}


def test_a_manifest_shows_its_parts(client, group):
    factories.make_manifest(group, dependencies=("requirements.txt", b"numpy==1.26.4\n", None))
    shown = client.get(f"{MANIFESTS}iris:1/").json()
    assert (shown["models"], shown["requirements"], shown["schema"], shown["runtime"]) == (["iris:1"], ["numpy==1.26.4"], None, "python")
    assert [(file["role"], file["path"]) for file in shown["files"]] == [("driver", "score.py"), ("pip", "requirements.txt")]
    assert body_of(client.get(f"{MANIFESTS}iris:1/files/score.py")) == factories.DOUBLE


def test_a_manifest_from_json_with_an_upload_set(client, group):
    factories.make_model_version(group)
    upload = client.post("/api/v1/groups/demo/uploads/").json()
    url = f"/api/v1/groups/demo/uploads/{upload['id']}/files/"
    assert client.put(f"{url}lib/a.py", b"A = 1", content_type="application/octet-stream").status_code == 200
    body = {
        "name": "iris",
        "models": ["iris:1"],
        "driver": {"path": "score.py", "content": factories.DOUBLE.decode()},
        "uploadSet": upload["id"],
    }
    body["dependencies"] = {"path": "deps", "content": "dependencies:\n- numpy\n", "kind": "conda"}
    answer = client.post(MANIFESTS, body, format="json")
    assert answer.status_code == 201, answer.json()
    assert [file["path"] for file in answer.json()["files"]] == ["deps", "score.py", "lib/a.py"]
    again = client.post(MANIFESTS, body, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "UploadSetClosed")


def test_fields_that_are_not_theirs_to_set_are_ignored(client, group, owner):
    version = factories.make_model_version(group)
    digest = version.digest
    body = {
        "description": "x",
        "digest": "sha256:0",
        "number": 9,
        "createdBy": "owner",
        "created_by": owner.pk,
        "model": None,
        "group": None,
        "size": 0,
    }
    assert client.patch(f"{MODELS}iris:1/", body, format="json").status_code == 200
    version.refresh_from_db()
    assert (version.digest, version.number, version.size) == (digest, 1, 7)


@pytest.mark.parametrize(("method", "url"), [("post", MODELS), ("post", MANIFESTS), ("patch", f"{MODELS}iris:1/")])
def test_bodies_that_are_no_json(client, group, method, url):
    factories.make_model_version(group)
    for data, kind in (
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"name": {}}', "application/json"),
        (b"", "application/json"),
    ):
        answer = getattr(client, method)(url, data, content_type=kind)
        assert answer.status_code == 400 or (method == "patch" and answer.status_code == 200), (data, answer.content)
    assert getattr(client, method)(url, b"x", content_type="text/plain").status_code == 415


def test_too_many_files_in_a_form_are_a_400(client, group, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    from tests.doors import upload

    answer = client.post(MODELS, {"name": "iris", "files": [upload(name, b"x") for name in "abc"]}, format="multipart")
    assert answer.status_code == 400 and answer.json()["code"] == "BadRequest"
    assert not ModelVersion.objects.exists() and factories.staged() == []


def test_a_version_registered_now_stands_first(client, group):
    old = factories.make_model_version(group, name="zeta")
    ModelVersion.objects.filter(pk=old.pk).update(created_at=timezone.now() - timezone.timedelta(days=1))
    factories.make_model_version(group, name="alpha")
    assert refs(client.get(MODELS)) == ["alpha:1", "zeta:1"] and RegisteredModel.objects.count() == 2
