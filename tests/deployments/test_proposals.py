"""A failed build proposes one change of the person's own file; taking it makes a new manifest and builds that."""

from __future__ import annotations

import pytest

from deployments.actions.images import create_image
from deployments.actions.proposals import apply_proposal
from deployments.builds.builders.base import BuildFailed
from deployments.proposals import excerpt_of, proposal_for
from portal.errors import Conflict
from registry.models import ManifestFile
from tests import factories
from tests.fakes import FakeBuilder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fails(group, owner, environment, perform):
    """fails(text, step, error): the operation of a build whose step fails once with it."""

    def build(text: bytes, step: str, error: BuildFailed | None, file: str = "requirements.txt", **more):
        manifest = factories.make_manifest(group, user=owner, dependencies=(file, text, None), files=[], **more)
        FakeBuilder.trouble = {step: error}
        operation = perform(create_image(user=owner, group=group, manifest=manifest, environment=environment, then=None))
        assert operation.state == "Failed"
        FakeBuilder.trouble = {}
        return operation

    return build


def diff(operation) -> list[str]:
    return [f"{sign}{line}" for sign, line in proposal_for(operation).diff()]


def typo() -> BuildFailed:
    return BuildFailed("There is no package called `scikit-lern`.", code="NoSuchPackage", package="scikit-lern")


def test_a_misspelled_package_is_renamed_in_their_file_and_built_again(fails, owner, perform):
    operation = fails(b"# ours\nnumpy\nscikit-lern\n", "resolve", typo())
    assert diff(operation) == [" # ours", " numpy", "-scikit-lern", "+scikit-learn"]
    assert excerpt_of(operation).line == 3 and excerpt_of(operation).lines == [(1, "# ours"), (2, "numpy"), (3, "scikit-lern")]
    again = perform(apply_proposal(user=owner, operation=operation))
    assert (again.state, str(again.manifest), str(again.image)) == ("Succeeded", "iris:2", "iris:2")
    assert again.manifest.requirements.splitlines() == ["numpy", "scikit-learn"]
    old, new = operation.manifest, again.manifest
    assert [use.version for use in new.uses.all()] == [use.version for use in old.uses.all()]
    roles = [(file.role, file.path) for file in new.files.all()]
    assert roles == [(file.role, file.path) for file in old.files.all()]
    assert new.file(ManifestFile.Role.DRIVER).asset == old.file(ManifestFile.Role.DRIVER).asset
    with pytest.raises(Conflict):
        apply_proposal(user=owner, operation=again)


def test_a_version_that_is_not_there_is_replaced_by_one_that_was_found_to_fit(fails, monkeypatch):
    asked = []

    def resolve(self, base, requirements, report):
        asked.append(requirements)
        if len(asked) == 1:
            raise BuildFailed("There is no version of `numpy` that is `==99.0`.", code="NoSuchVersion", package="numpy")
        return "numpy==2.3.1 \\\n    --hash=sha256:0\n"

    monkeypatch.setattr(FakeBuilder, "resolve", resolve)
    operation = fails(b"numpy==99.0\n", "none", None)
    assert "numpy<99.0\n" in asked[1], "the nearest before what was asked for is looked for first"
    assert diff(operation) == ["-numpy==99.0", "+numpy==2.3.1"]


def test_another_python_is_proposed_when_no_version_fits_this_one(fails, owner, perform, settings):
    settings.PYTHON_VERSIONS = ["3.11", "3.12"]
    message = "`networkx` needs Python >=3.12, and the image has 3.11: choose another version of one of them."
    operation = fails(
        b"dependencies:\n- python=3.11\n- networkx\n",
        "resolve",
        BuildFailed(message, code="PythonVersion", package="networkx"),
        file="environment.yml",
    )
    assert diff(operation) == [" dependencies:", "-- python=3.11", "+- python=3.12", " - networkx"]
    assert apply_proposal(user=owner, operation=operation).manifest.python == "3.12"


def test_what_the_scoring_file_imports_is_added(fails, monkeypatch, owner):
    from deployments.builds.builders.base import Probe

    said = "score.py could not be imported: score.py line 2: ModuleNotFoundError: No module named 'sklearn'."
    monkeypatch.setattr(FakeBuilder, "probe", lambda self, *args, **options: Probe(False, said))
    operation = fails(b"numpy\n", "none", None)
    assert diff(operation) == [" numpy", "+scikit-learn"]
    assert (operation.error["file"], operation.error["line"]) == ("score.py", 2)
    monkeypatch.setattr(FakeBuilder, "probe", lambda self, *args, **options: Probe(False, "No module named 'score_helpers'"))
    assert proposal_for(fails(b"numpy\n", "none", None)) is None, "a file of their own is no package"


def test_both_doors_apply_it_and_only_contributors_may(door, fails, group, owner, reader, stranger):
    operation = fails(b"scikit-lern\n", "resolve", typo())
    assert door(reader).apply_proposal(group, operation).status == 403
    assert door(stranger).apply_proposal(group, operation).status == 404
    assert door(owner).apply_proposal(group, operation).ok
    assert [str(one.manifest) for one in group.operations.all()] == ["iris:2", "iris:1"]


def test_rest_tells_the_change(fails, client_for, reader, group):
    operation = fails(b"scikit-lern\n", "resolve", typo())
    said = client_for(reader).get(f"/api/v1/groups/{group}/operations/{operation.pk}/").json()
    assert said["proposal"] == {
        "why": "Write scikit-learn instead of scikit-lern.",
        "file": "requirements.txt",
        "python": None,
        "diff": ["-scikit-lern", "+scikit-learn"],
    }
    assert "cure" not in said["error"]
