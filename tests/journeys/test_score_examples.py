"""Three of the example score files, by the same code as `make examples`: trained, built, served in containers and called."""

from __future__ import annotations

import pytest

from demo.scores.examples import Workshop, names, read
from demo.scores.run import run
from modelport import Portal

PORTAL = "docker"


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_examples_answer_as_expected(portal, tmp_path, measured):
    group = portal.new_group("examples").rpartition("/")[2]
    token = portal.rest.headers["Authorization"].removeprefix("Bearer ")
    with Portal(portal.url, token, group) as client:
        outcomes = run(["plain-rules", "onnx-iris", "sklearn-churn"], client, Workshop(tmp_path))
        assert [outcome.fault for outcome in outcomes] == ["", "", ""]
        assert client.services.list() == []
    for outcome in outcomes:
        measured(f"{outcome.example.name}: built in {outcome.build:.1f} s, started in {outcome.start:.1f} s, {outcome.call:.1f} ms a call")


def test_every_example_can_be_read_and_says_what_it_sends_and_gets():
    assert len(names()) >= 25
    for name in names():
        example = read(name)
        files = {file.name for file in example.folder.iterdir()}
        made = (example.folder / "train.py").read_text() if "train.py" in files else ""
        assert "score.py" in files or example.model, name
        assert all(needed in files or needed in made for needed in (example.request, "answer.json")), name
        assert not example.packages or example.dependencies, name
