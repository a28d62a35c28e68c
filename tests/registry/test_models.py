"""Registering, describing and deleting model versions, through both doors."""

from __future__ import annotations

import hashlib
import threading

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from portal.accounts.models import Event
from portal.errors import Conflict, NotAllowed, NotFound
from registry.actions.models import change_model_version, delete_model_version, register_model
from registry.actions.uploads import add_uploaded_file, open_upload_set
from registry.models import Asset, ModelVersion, RegisteredModel
from registry.storage import store_bytes
from tests import factories
from tests.factories import staged

pytestmark = pytest.mark.django_db


def stored(**files: bytes) -> list:
    return [(path.replace("__", "/"), store_bytes(data)) for path, data in files.items()]


def test_a_single_file_is_a_file_and_a_name_counts_up(group, contributor):
    first = register_model(user=contributor, group=group, name="iris", files=[("model.pkl", store_bytes(b"one"))], tags=["b", "a", "a "])
    second = register_model(user=contributor, group=group, name="iris", files=[("model.pkl", store_bytes(b"two"))], framework="sklearn")
    assert (str(first), str(second)) == ("iris:1", "iris:2")
    assert (first.kind, first.root, first.size, first.file_count) == ("file", "model.pkl", 3, 1)
    assert [tag.word for tag in first.tags.all()] == ["a", "b"]
    assert first.digest == "sha256:" + hashlib.sha256(f"{hashlib.sha256(b'one').hexdigest()}  model.pkl\n".encode()).hexdigest()
    assert RegisteredModel.objects.count() == 1 and second.framework == "sklearn"
    assert list(Event.objects.values_list("tag", "subject_label")) == [("model.registered", "iris:2"), ("model.registered", "iris:1")]


@pytest.mark.parametrize(
    ("paths", "root", "relative"),
    [
        (["saved/a.bin", "saved/sub/b.bin"], "saved", ["a.bin", "sub/b.bin"]),
        (["a.bin", "sub/b.bin"], "net", ["a.bin", "sub/b.bin"]),
        (["only/one.bin"], "only", ["one.bin"]),
    ],
)
def test_several_files_are_a_folder(group, contributor, paths, root, relative):
    version = register_model(user=contributor, group=group, name="net", files=[(path, store_bytes(b"x")) for path in paths])
    assert (version.kind, version.root) == ("folder", root)
    assert [file.path for file in version.files.all()] == relative
    assert [file.app_path for file in version.files.all()] == [f"{root}/{path}" for path in relative]


def test_identical_content_is_stored_once_and_has_one_digest(group, contributor):
    versions = [register_model(user=contributor, group=group, name=name, files=stored(m__a=b"1", m__b=b"2")) for name in ("one", "two")]
    assert versions[0].digest == versions[1].digest and Asset.objects.count() == 2


def test_a_number_is_never_given_out_twice(group, owner):
    versions = [factories.make_model_version(group, user=owner) for _ in range(2)]
    for version in reversed(versions):
        delete_model_version(user=owner, version=version)
    assert not RegisteredModel.objects.exists()
    assert str(factories.make_model_version(group, user=owner)) == "iris:3"


def test_an_upload_set_is_used_up_once_and_only_when_all_is_well(group, contributor):
    upload_set = open_upload_set(user=contributor, group=group)
    add_uploaded_file(user=contributor, upload_set=upload_set, path="m/a", asset=store_bytes(b"a"))
    add_uploaded_file(user=contributor, upload_set=upload_set, path="m/b", asset=store_bytes(b"b"))
    with pytest.raises(ValidationError):
        register_model(user=contributor, group=group, name="Bad Name", upload_set=upload_set)
    upload_set.refresh_from_db()
    assert upload_set.is_open
    version = register_model(user=contributor, group=group, name="net", upload_set=upload_set)
    assert version.file_count == 2
    upload_set.refresh_from_db()
    with pytest.raises(Conflict, match="used already"):
        register_model(user=contributor, group=group, name="net", upload_set=upload_set)
    with pytest.raises(Conflict, match="used already"):
        add_uploaded_file(user=contributor, upload_set=upload_set, path="c", asset=store_bytes(b"c"))


def test_somebody_elses_upload_set_does_not_exist(group, owner, contributor):
    upload_set = open_upload_set(user=owner, group=group)
    with pytest.raises(NotFound):
        register_model(user=contributor, group=group, name="net", upload_set=upload_set)
    other = factories.make_group()
    mine = open_upload_set(user=factories.make_user("contributor", other), group=other)
    with pytest.raises(NotFound):
        register_model(user=contributor, group=group, name="net", upload_set=mine)


BAD_NAMES = ["", "ab", "a" * 33, "Iris", "iris_1", "-iris", "iris-", "iris:3", "ir is", "../x", "irís", "iris\nx"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_at_its_field(door, group, contributor, name):
    answer = door(contributor).register_model(group, name=name, files={"model.pkl": b"x"})
    assert answer.status == 400 and list(answer.fields) == ["name"], answer
    assert not ModelVersion.objects.exists() and staged() == []


def test_all_faults_are_told_at_once(group, contributor):
    with pytest.raises(ValidationError) as refused:
        register_model(user=contributor, group=group, name="X", files=[], tags=["a,b", "t" * 65], framework="f" * 65)
    assert set(refused.value.message_dict) == {"name", "files", "tags", "framework"}
    assert len(refused.value.message_dict["tags"]) == 2 and len(refused.value.message_dict["name"]) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ""),
        ({"model.pkl": b""}, "model.pkl is empty"),
        ({"../model.pkl": b"x", "b": b"x"}, "may not contain"),
        ({"/etc/passwd": b"x", "b": b"x"}, "relative"),
        ({"a\\b": b"x", "b": b"x"}, "backslash"),
        ({"A/x": b"1", "a/X": b"2"}, "differ only in upper and lower case"),
        ({"a": b"1", "a/b": b"2"}, "a is a file"),
        ({"con.txt": b"1", "b": b"2"}, "every system"),
        ({"x/" * 20 + "y": b"1", "b": b"2"}, "20 levels"),
        ({"x" * 300: b"1", "b": b"2"}, "longer than 255"),
    ],
)
def test_bad_files_are_refused_at_their_field(door, group, contributor, files, words):
    answer = door(contributor).register_model(group, name="iris", files=files)
    assert answer.status == 400 and list(answer.fields) == ["files"], answer
    assert words in " ".join(answer.fields["files"])
    assert not ModelVersion.objects.exists() and staged() == []


def test_registering_through_the_door(door, group, contributor):
    answer = door(contributor).register_model(
        group, name="iris", files={"m/a.txt": b"1", "m/b/c.txt": b"2"}, description="Text", tags=["x", "y"], framework="sklearn"
    )
    assert answer.ok, answer
    version = ModelVersion.objects.get()
    assert (str(version), version.kind, version.root, version.description, version.framework) == (
        "iris:1",
        "folder",
        "m",
        "Text",
        "sklearn",
    )
    assert [file.path for file in version.files.all()] == ["a.txt", "b/c.txt"]
    assert version.created_by == contributor and staged() == []


def test_who_may_register(door, group, reader, stranger):
    assert door(reader).register_model(group, name="iris", files={"m": b"x"}).status == 403
    assert door(stranger).register_model(group, name="iris", files={"m": b"x"}).status == 404
    assert not ModelVersion.objects.exists() and staged() == []


def test_words_change_and_bytes_do_not(door, group, contributor):
    version = factories.make_model_version(group, tags=["old"])
    digest = version.digest
    assert door(contributor).change_model(group, "iris:1", description="New", tags=["new", "newer"]).ok
    version.refresh_from_db()
    assert (version.description, [tag.word for tag in version.tags.all()], version.digest) == ("New", ["new", "newer"], digest)


def test_none_leaves_a_part_as_it_is(group, contributor):
    version = factories.make_model_version(group, tags=["old"], description="Old")
    change_model_version(user=contributor, version=version, tags=[])
    version.refresh_from_db()
    assert version.description == "Old" and not version.tags.exists()
    with pytest.raises(ValidationError):
        change_model_version(user=contributor, version=version, description="x" * 20_001)


def test_deleting_what_is_in_use_names_the_users(door, group, owner):
    version = factories.make_model_version(group)
    manifest = factories.make_manifest(group, models=[version])
    image = factories.make_image(group, manifest=manifest)
    factories.make_service(group, name="prod", image=image)
    answer = door(owner).delete_model(group, "iris:1")
    assert answer.status == 409 and "iris:1 is used by manifest iris:1, image iris:1 and service prod" in answer.message
    assert ModelVersion.objects.filter(pk=version.pk).exists()


def test_deleting_what_is_free(door, group, contributor):
    factories.make_model_version(group)
    assert door(contributor).delete_model(group, "iris:1").ok
    assert not ModelVersion.objects.exists()
    assert door(contributor).delete_model(group, "iris:1").status == 404


def test_a_reader_changes_nothing(group, reader):
    version = factories.make_model_version(group)
    for act in (
        lambda: change_model_version(user=reader, version=version, description="x"),
        lambda: delete_model_version(user=reader, version=version),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_full_disk_is_said(client_for, group, contributor, monkeypatch):
    from registry.storage import Incoming

    monkeypatch.setattr(Incoming, "_open", lambda self: open("/dev/full", "wb"))
    form = {"name": "iris", "files": [SimpleUploadedFile("model.pkl", b"x" * 2**20)]}
    answer = client_for(contributor).post("/api/v1/groups/demo/models/", form, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (507, "InsufficientStorage")
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_numbers_of_their_own(group, contributor):
    asset, numbers, barrier = store_bytes(b"x"), [], threading.Barrier(5)

    def register():
        try:
            barrier.wait(10)
            numbers.append(register_model(user=contributor, group=group, name="iris", files=[("m", asset)]).number)
        except Exception as error:
            numbers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=register) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(numbers, key=str) == [1, 2, 3, 4, 5] and RegisteredModel.objects.count() == 1


def test_a_folder_of_ten_thousand_files(group, contributor, django_assert_max_num_queries):
    asset = store_bytes(b"x")
    files = [(f"m/{number % 100}/{number}.bin", asset) for number in range(10_000)]
    with django_assert_max_num_queries(60):
        version = register_model(user=contributor, group=group, name="large", files=files)
    assert version.files.count() == version.file_count == 10_000
    with pytest.raises(ValidationError, match="most is 10000"):
        register_model(user=contributor, group=group, name="large", files=[*files, ("m/x", asset)])
