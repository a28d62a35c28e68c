"""The client against a live portal: every noun, real HTTP, real files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx2 as httpx
import pytest

from deployments.models import Service as ServiceRow
from modelport import ClientError, OperationFailed, Portal, resuming
from registry.models import Asset, Manifest, ModelVersion, UploadSet
from tests import factories
from tests.fakes import NO_PACKAGE, FakeBuilder, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_becomes_a_version_that_is_found_by_all_its_names(portal, files):
    sent = []
    model = portal.models.register(
        files / "model.pkl", "iris", description="flowers", tags=["b", "a"], framework="sklearn", on_file=lambda *told: sent.append(told)
    )
    assert sent == [("model.pkl", 7)]
    assert (model.ref, model.version, model.kind, model.tags, model.framework) == ("iris:1", 1, "file", ["a", "b"], "sklearn")
    assert model.files[0]["sha256"] == hashlib.sha256(b"a model").hexdigest()
    (files / "model.pkl").write_bytes(b"a better model")
    assert portal.models.register(files / "model.pkl", "iris").ref == "iris:2"
    assert portal.models.get("iris:1").id == model.id == portal.models.get(model.id).id
    assert portal.models.get("iris").ref == "iris:2"
    assert [found.ref for found in portal.models.list()] == ["iris:2", "iris:1"]
    assert [found.ref for found in portal.models.list(tag="a")] == ["iris:1"]
    assert [(row["name"], row["versions"], row["latest"]) for row in portal.models.names()] == [("iris", 2, 2)]
    assert model.update(description="roses", tags=[]).description == "roses" and portal.models.get("iris:1").tags == []
    model.delete()
    assert [found.ref for found in portal.models.list()] == ["iris:2"]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(portal, files, live_server, owner, token_of):
    mine = portal.models.register(files / "model.pkl", "iris", description="flowers")
    mine = mine.reload().update(tags=["a"])
    with Portal(live_server.url, token_of(owner), "demo") as other:
        other.models.get("iris:1").update(description="Theirs.", card="Theirs too.")
    with pytest.raises(ClientError, match=r"iris:1 was changed after you read it, last by owner at .*Read it again") as refused:
        mine.update(description="roses")
    assert (refused.value.code, refused.value.status) == ("PreconditionFailed", 412)
    assert mine.reload().description == "Theirs." and mine.update(tags=[*mine.tags, "b"]).tags == ["a", "b"]
    portal.models.get("iris:1").update(tags=[])
    assert mine.update(description="roses", overwrite=True).description == "roses" and portal.models.get("iris:1").tags == []


def test_a_folder_keeps_its_relative_paths_both_ways(portal, tmp_path):
    folder = tmp_path / "net"
    (folder / "weights").mkdir(parents=True)
    contents = {"config.json": b"{}", "weights/part 1 (ä%20).bin": b"\x00" * 3_000_000, "weights/empty": b""}
    for path, data in contents.items():
        (folder / path).write_bytes(data)
    model = portal.models.register(folder, "net")
    assert (model.kind, model.root, {file["path"] for file in model.files}) == ("folder", "net", set(contents))
    place = portal.models.get("net").download(tmp_path / "back")
    assert place == tmp_path / "back" / "net"
    assert {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()} == contents
    with pytest.raises(ClientError, match="there already"):
        model.download(tmp_path / "back")


def test_a_folder_of_many_small_files_takes_few_requests(portal, tmp_path, monkeypatch):
    """Small ones share requests, a larger one goes by itself; after a broken connection only what is missing is sent."""
    contents = {f"{number % 7}/{number}.bin": b"part %d" % number for number in range(450)} | {"large.bin": os.urandom(2**19)}
    for name, data in contents.items():
        path = tmp_path / "net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    sent, form = [], portal.transport.form

    def breaking(path, *, words, files):
        sent.append(len(files))
        if len(sent) == 2:
            raise ClientError("Unreachable", "The connection broke.")
        return form(path, words=words, files=files)

    monkeypatch.setattr(portal.transport, "form", breaking)
    with pytest.raises(ClientError, match="broke"):
        portal.models.register(tmp_path / "net", "net")
    told = []
    model = portal.models.register(tmp_path / "net", "net", resume=True, on_file=lambda *one: told.append(one))
    assert sent == [200, 200, 200, 50]
    assert dict(told) == {f"net/{name}": len(data) for name, data in contents.items()}
    assert {file["path"]: file["sha256"] for file in model.data["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents.items()
    }
    asked: list[str] = []
    with Portal(portal.transport.url, portal.transport.token, "demo") as other:
        stream = other.transport.stream
        monkeypatch.setattr(other.transport, "stream", lambda path: asked.append(path) or stream(path))
        place = other.models.get("net").download(tmp_path / "back")
        assert {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()} == contents
        broken = other.models.get("net:1")
        broken.data["files"][7]["sha256"] = "0" * 64
        with pytest.raises(ClientError, match="did not arrive whole"):
            broken.download(tmp_path / "broken")
    assert len(asked) == 2


def test_a_download_that_is_not_what_was_registered_is_not_kept(portal, files, tmp_path):
    model = portal.models.register(files / "model.pkl", "iris")
    model.data["files"][0]["sha256"] = "0" * 64
    with pytest.raises(ClientError) as refused:
        model.download(tmp_path / "back")
    assert refused.value.code == "DigestMismatch" and list((tmp_path / "back").iterdir()) == []
    model.data["root"] = "../model.pkl"
    with pytest.raises(ClientError, match="no place to write to"):
        model.download(tmp_path / "back")


def test_a_file_that_changes_on_its_way_is_refused_and_not_kept(portal, files, monkeypatch):
    read = [b"as it was", b"as it is!"]
    monkeypatch.setattr("modelport.uploads._chunks", lambda source: iter([read.pop(0)]))
    with pytest.raises(ClientError) as refused:
        portal.models.register(files / "model.pkl", "iris")
    assert (refused.value.status, refused.value.code) == (400, "DigestMismatch")
    assert not Asset.objects.exists() and not UploadSet.objects.exists()


def test_what_is_refused_leaves_no_upload_set(portal, files):
    with pytest.raises(ClientError) as refused:
        portal.models.register(files / "model.pkl", "Bad Name")
    error = refused.value
    assert (error.code, error.status, error.details[0]["field"]) == ("BadRequest", 400, "name") and error.request_id
    assert not UploadSet.objects.exists() and not ModelVersion.objects.exists()


@pytest.mark.parametrize("given", ["nothing.pkl", "https://example.org/model.pkl", "empty", "odd"])
def test_what_cannot_be_sent_is_said_before_anything_is(portal, files, monkeypatch, given):
    (files / "empty").mkdir()
    (files / "odd").mkdir()
    Path(os.fsdecode(bytes(files / "odd") + b"/\xff.bin")).write_bytes(b"x")
    monkeypatch.chdir(files)
    with pytest.raises(ClientError) as refused:
        portal.models.register(given, "iris")
    assert refused.value.details[0]["field"] == "files" and refused.value.status == 0
    assert not UploadSet.objects.exists() and not Asset.objects.exists()


def test_a_manifest_takes_files_at_their_paths_beside_score_py(portal, files):
    (files / "lib").mkdir()
    (files / "lib" / "tools.py").write_text("X = 1\n")
    (files.parent / "elsewhere.txt").write_text("words")
    model = portal.models.register(files / "model.pkl", "iris")
    manifest = portal.manifests.create(
        "iris",
        files / "score.py",
        pip_file=files / "requirements.txt",
        files=[files / "lib" / "tools.py", files.parent / "elsewhere.txt"],
        models=[model],
    )
    assert manifest.models == ["iris:1"] and manifest.requirements == ["packaging"]
    assert {file["path"] for file in manifest.files} == {"score.py", "requirements.txt", "lib/tools.py", "elsewhere.txt"}
    assert portal.manifests.get("iris").ref == "iris:1" and portal.manifests.list(model="iris:1")[0].ref == "iris:1"
    with pytest.raises(ClientError) as refused:
        model.delete()
    assert (refused.value.status, refused.value.code) == (409, "InUse") and "manifest iris:1" in refused.value.message
    manifest.delete()
    assert not Manifest.objects.exists()


def test_faults_of_a_manifest_are_named_by_field(portal, files):
    (files / "score.py").write_text("def run(x): return x")
    (files / "requirements.txt").write_text("--index-url http://x\n")
    with pytest.raises(ClientError) as refused:
        portal.manifests.create("iris", files / "score.py", pip_file=files / "requirements.txt")
    assert {detail["field"] for detail in refused.value.details} == {"driver", "dependencies"}
    (files / "score.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ClientError, match="UTF-8") as refused:
        portal.manifests.create("iris", files / "score.py")
    assert refused.value.details[0]["field"] == "driver"
    with pytest.raises(ClientError, match="not both"):
        portal.manifests.create("iris", files / "requirements.txt", pip_file=files / "requirements.txt", conda_file=files / "score.py")


def test_from_a_manifest_to_a_running_service_and_away_again(portal, files, owner, token_of, worker):
    portal.manifests.create("iris", files / "score.py")
    steps = []
    build = portal.images.create("iris:1")
    image = build.result(steps.append, timeout=30)
    assert image.ref == "iris:1" and image.built and portal.images.get("iris").id == image.id
    assert {step["name"] for step in steps if step["state"] == "Succeeded"} >= {"resolve", "environment", "bundle", "probe"}
    assert "resolve was done" in build.log() and "resolve was done" in build.log("resolve") and "resolve" not in build.log("probe")
    with pytest.raises(ClientError, match="no step dance"):
        build.log("dance")

    operation = portal.services.create("iris", image, replicas=2, cpu="250m", memory="256Mi", timeout=5)
    assert set(operation.keys) == {"primary", "secondary"}
    service = operation.result(timeout=30)
    assert operation.keys["primary"].startswith("mp_")
    assert (service.state, service.image, service.ready_replicas, service.memory) == ("Running", "iris:1", 2, "256Mi")
    assert {key["slot"] for key in service.keys()} == {"primary", "secondary"}
    assert service.openapi()["openapi"].startswith("3.1") and service.swagger()["swagger"] == "2.0" and service.sample() is None
    assert len(service.logs()) == 2 and service.metrics("15m", step=60)["totals"]["calls"] == 0 and service.revisions()[0]["number"] == 1

    assert service.update(description="new words") is None and service.description == "new words"
    service.scale(1).wait(timeout=30)
    assert len(service.reload().replicas_seen()) == 1
    service.stop().wait(timeout=30)
    assert service.reload().state == "Stopped"
    assert service.start().result(timeout=30).state == "Running"
    service.update(image, note="again").wait(timeout=30)
    assert service.reload().revision == 2
    with pytest.raises(TypeError, match="replica is not a setting"):
        service.update(replica=3)

    with pytest.raises(ClientError) as refused:
        service.delete()
    assert refused.value.status == 403
    with Portal(portal.transport.url, token_of(owner)) as own:
        assert own.group == "demo"
        value = own.services.get("iris").regenerate_key("Primary")
        assert value.startswith("mp_") and value != operation.keys["primary"]
        assert own.services.delete("iris").result(timeout=30) is None
    assert portal.services.list() == [] and not ServiceRow.objects.exists()


def test_one_step_makes_everything_and_again_rolls_over_to_it(portal, files, worker):
    (files / "words.txt").write_text("words")
    recipe = {"model": files / "model.pkl", "pip_file": files / "requirements.txt", "files": files / "words.txt"}
    operation = portal.deploy("flowers", files / "score.py", replicas=2, **recipe)
    assert (operation.models, operation.manifest, operation.image) == (["flowers:1"], "flowers:1", "flowers:1")
    service = operation.result(timeout=30)
    assert (service.name, service.state, service.image, service.replicas) == ("flowers", "Running", "flowers:1", 2)
    assert set(operation.keys) == {"primary", "secondary"}
    again = portal.deploy("flowers", files / "score.py", models=["flowers:1"])
    assert again.keys == {} and again.result(timeout=30).image == "flowers:2"
    assert portal.manifests.get("flowers").models == ["flowers:1"]


def test_one_step_may_stop_after_the_image(portal, files, worker):
    image = portal.deploy("flowers", files / "score.py", image_only=True).result(timeout=30)
    assert image.ref == "flowers:1" and image.built and portal.services.list() == []


def test_one_step_refused_leaves_nothing(portal, files):
    (files / "score.py").write_text("def init(): pass")
    with pytest.raises(ClientError) as refused:
        portal.deploy("flowers", files / "score.py", model=files / "model.pkl", files=[files / "requirements.txt"])
    assert [detail["field"] for detail in refused.value.details] == ["driver"]
    assert not (ModelVersion.objects.exists() or Manifest.objects.exists() or UploadSet.objects.exists() or ServiceRow.objects.exists())


def test_a_failed_build_says_whose_fault_it_was(portal, files, worker):
    FakeBuilder.trouble = {"resolve": NO_PACKAGE}
    with pytest.raises(OperationFailed) as failed:
        portal.deploy("flowers", files / "score.py").wait(timeout=30)
    error = failed.value
    assert (error.fault, error.file, error.line) == ("yours", "requirements.txt", 1) and "scikit-lern" in error.message
    assert error.as_dict()["lines"] == error.lines and error.operation["state"] == "Failed"


def test_a_build_is_cancelled_while_it_runs(portal, files, worker):
    FakeBuilder.block = "install"
    operation = portal.deploy("flowers", files / "score.py", image_only=True)
    wait_until(lambda: any(step["name"] == "environment" for step in operation.reload().steps))
    with pytest.raises(ClientError) as waiting:
        operation.wait(timeout=0)
    assert waiting.value.code == "StillRunning"
    assert operation.cancel().state == "Cancelled"
    with pytest.raises(OperationFailed) as failed:
        operation.wait(timeout=10)
    assert failed.value.code == "Cancelled"
    with pytest.raises(ClientError) as refused:
        operation.cancel()
    assert refused.value.status == 409
    assert [found.state for found in portal.operations.list(state="Cancelled")] == ["Cancelled"]


def test_lists_follow_their_pages(portal, group):
    for number in range(7):
        factories.make_operation(group, label=f"number {number}")
    path = portal.path("operations")
    assert len([*portal.transport.rows(path, {"count": 3})]) == 7
    assert len(portal.operations.list(limit=2)) == 2 and len(portal.operations.list()) == 7
    assert portal.operations.list(limit=0) == []


def test_an_environment_by_name_and_by_uuid(portal, environment):
    found = portal.environments.get("fake")
    assert found.target == "fake" and found.is_default and portal.environments.get(str(environment.pk)).name == "fake"
    assert [each.name for each in portal.environments.list()] == ["fake"]
    with pytest.raises(AttributeError, match="max_replicas"):
        getattr(found, "colour")  # noqa: B009


def test_the_group_may_be_left_out_by_who_is_in_one_only(live_server, group, contributor, token_of, stranger):
    with Portal(live_server.url, token_of(contributor)) as portal:
        assert portal.group == "demo" and portal.models.list() == []
    factories.Membership.objects.create(group=factories.make_group("other"), user=contributor, role="reader")
    with Portal(live_server.url, token_of(contributor)) as portal, pytest.raises(ClientError, match="demo, other: say which"):
        portal.models.list()
    with Portal(live_server.url, token_of(stranger)) as portal, pytest.raises(ClientError, match="no resource group yet"):
        portal.models.list()


def test_strangers_wrong_tokens_and_odd_ids_are_refused(live_server, group, stranger, reader, token_of, files):
    with Portal(live_server.url, token_of(stranger), "demo") as portal, pytest.raises(ClientError) as refused:
        portal.models.list()
    assert refused.value.status == 404
    with Portal(live_server.url, "mpu_wrong", "demo") as portal, pytest.raises(ClientError) as refused:
        portal.models.list()
    assert (refused.value.status, refused.value.code) == (401, "Unauthenticated")
    with Portal(live_server.url, token_of(reader), "demo") as portal:
        with pytest.raises(ClientError) as refused:
            portal.models.register(files / "model.pkl", "iris")
        assert refused.value.status == 403 and "Reader" in refused.value.message
        for odd in ("", "..", "a/b"):
            with pytest.raises(ClientError, match="is not an id"):
                portal.services.delete(odd)
        for missing in ("iris", "iris:3", "iris:x"):
            with pytest.raises(ClientError) as refused:
                portal.models.get(missing)
            assert refused.value.status == 404


def test_a_large_file_goes_on_where_it_stopped_here_or_elsewhere(portal, files, monkeypatch):
    """The connection dies twice in the middle: once it is waited out, once the next run goes on."""
    data = os.urandom(10 * 2**20)
    (files / "large.bin").write_bytes(data)
    whole, sent, breaks = resuming._rest, [], [3, 5]

    def breaking(source, offset):
        sent.append(offset)
        left = breaks.pop(0) if breaks else None
        for index, chunk in enumerate(whole(source, offset)):
            if index == left:
                raise httpx.WriteError("the cable was pulled")
            yield chunk

    monkeypatch.setattr(resuming, "_rest", breaking)
    monkeypatch.setattr(resuming, "WAITS", (0.01,))
    asked = portal.transport.ask

    def gone(method, *arguments):
        if method == "HEAD" and len(sent) == 2:
            raise ClientError("Unreachable", "Nothing answers.")
        return asked(method, *arguments)

    monkeypatch.setattr(portal.transport, "ask", gone)
    with pytest.raises(ClientError, match="Nothing answers"):
        portal.models.register(files / "large.bin", "iris")
    assert UploadSet.objects.count() == 1 and sent[0] == 0 and 0 < sent[1] <= 3 * 2**20
    model = portal.models.register(files / "large.bin", "iris", resume=True)
    assert sent[2] > sent[1] and model.data["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert UploadSet.objects.filter(closed_at=None).count() == 0


def test_aliases_cards_and_comparing(portal, files):
    first = portal.models.register(files / "model.pkl", "iris", alias="champion", card="# One")
    (files / "model.pkl").write_bytes(b"other")
    second = portal.models.register(files / "model.pkl", "iris")
    assert portal.models.get("iris@champion").ref == first.ref and first.card == "# One"
    assert portal.models.set_alias("iris:2", "champion")["version"] == "iris:2"
    assert [one["ref"] for one in portal.models.aliases("iris")] == ["iris@champion"]
    assert second.update(card="# Two").card == "# Two"
    found = second.compare("iris:1")
    assert [file["change"] for file in found["files"]] == ["changed"] and "+# Two" in found["card"]
    portal.models.remove_alias("iris", "champion")
    assert portal.models.aliases("iris") == []
