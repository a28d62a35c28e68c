"""The command line against a live portal: the original's verbs, JSON out, one JSON object for an error."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import modelport as package
from deployments.models import Operation
from modelport import cli
from modelport.config import Config, place
from registry.models import UploadSet
from tests import factories
from tests.fakes import NO_PACKAGE, FakeBuilder, wait_until
from tests.registry.saved_models import LIGHTGBM

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(package.__file__).parents[1]


def test_login_tries_the_token_and_keeps_it_for_its_owner_alone(modelport, portal):
    answer = modelport("login", "--url", portal.transport.url + "/", "--token", portal.transport.token).json
    assert (answer["url"], answer["group"], answer["groups"]) == (portal.transport.url, "demo", ["demo"])
    assert portal.transport.token not in json.dumps(answer)
    assert place().stat().st_mode & 0o777 == 0o600 and place().parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(place().read_text())["token"] == portal.transport.token
    assert modelport("model", "list").json == []
    assert modelport("logout").code == 0 and not place().exists()
    assert modelport("model", "list").error["code"] == "NotLoggedIn"


def test_login_with_a_wrong_token_keeps_nothing(modelport, live_server):
    assert modelport("login", "--url", live_server.url, "--token", "mpu_wrong").error["code"] == "Unauthenticated"
    assert not place().exists()


def test_the_token_may_be_typed(modelport, portal):
    done = modelport("login", "--url", portal.transport.url, input=portal.transport.token + "\n")
    assert done.code == 0 and portal.transport.token not in done.out and place().exists()


def test_the_environment_wins_and_a_kept_token_stays_with_its_address(signed_in, portal, group, contributor, monkeypatch):
    other = factories.make_group("other")
    factories.Membership.objects.create(group=other, user=contributor, role="reader")
    monkeypatch.setenv("MODELPORT_GROUP", "other")
    assert signed_in("env", "list").json == []
    assert [row["name"] for row in signed_in("env", "list", "-g", "demo").json] == ["fake"]
    monkeypatch.setenv("MODELPORT_TOKEN", "mpu_wrong")
    assert signed_in("env", "list").error["code"] == "Unauthenticated"
    monkeypatch.delenv("MODELPORT_TOKEN")
    monkeypatch.setenv("MODELPORT_URL", "http://127.0.0.1:9")
    assert Config.load().token == "" and signed_in("env", "list").error["code"] == "NotLoggedIn"


def test_a_broken_file_of_the_login_is_said(modelport):
    place().parent.mkdir(parents=True)
    place().write_text("{")
    assert modelport("model", "list").error["code"] == "BadConfig"


def test_models(signed_in, files, tmp_path):
    words = ("model", "register", "-m", "model.pkl", "-n", "iris", "-t", "a", "-t", "b", "-d", "flowers")
    done = signed_in(*words)
    assert (done.json["ref"], done.json["tags"], done.json["description"]) == ("iris:1", ["a", "b"], "flowers")
    assert "model.pkl: 7 bytes sent" in done.err
    (files / "net").mkdir()
    (files / "net" / "a").write_text("a")
    assert signed_in("model", "register", "-m", "net", "-n", "net").json["kind"] == "folder"
    assert [row["ref"] for row in signed_in("model", "list").json] == ["net:1", "iris:1"]
    assert [row["ref"] for row in signed_in("model", "list", "-t", "a").json] == ["iris:1"]
    assert signed_in("model", "show", "-m", "iris:1").json["files"][0]["path"] == "model.pkl"
    assert [row["ref"] for row in signed_in("model", "show", "-m", "iris").json] == ["iris:1"]
    assert signed_in("model", "show", "-m", "nothing").error["statusCode"] == 404
    assert Path(signed_in("model", "download", "-m", "net:1", "--to", tmp_path / "back").json["path"]).joinpath("a").read_text() == "a"
    table = signed_in("model", "list", "-o", "table").out.splitlines()
    assert re.match(r"Ref +Id +Framework", table[0]) and table[2].startswith("net:1") and len(table) == 4
    assert signed_in("model", "delete", "-m", "iris:1").json == {"deleted": "iris:1"}
    assert signed_in("model", "delete", "-m", "iris:1").error["code"] == "NotFound"


def test_errors_are_one_json_object_in_the_wire_shape(signed_in):
    refused = signed_in("model", "register", "-m", "model.pkl", "-n", "Bad Name")
    error = refused.error
    assert set(error) == {"code", "message", "statusCode", "requestId", "details"}
    assert (error["statusCode"], error["details"][0]["field"]) == (400, "name") and refused.out == ""
    assert signed_in("model", "register", "-n", "iris").code == 2
    assert signed_in("image", "create", "-n", "iris").error["details"][0]["field"] == "driver"
    assert (
        "leave out pip_file"
        in signed_in("image", "create", "-n", "iris", "--manifest-id", "iris:1", "-p", "requirements.txt").error["message"]
    )
    assert signed_in("service", "show", "realtime").error["details"][0]["field"] == "name"
    assert "--image-id" in signed_in("service", "create", "realtime", "-n", "iris").error["message"]


def test_a_fault_of_this_machine_is_an_error_too(signed_in, files):
    signed_in("model", "register", "-m", "model.pkl", "-n", "iris")
    error = signed_in("model", "download", "-m", "iris:1", "--to", "score.py").error
    assert error["code"] == "LocalFault" and "score.py" in error["message"]


def test_manifest_and_image_by_the_steps(signed_in, worker):
    words = ("manifest", "create", "-n", "iris", "-f", "score.py", "-r", "python", "-p", "requirements.txt", "-m", "model.pkl")
    done = signed_in(*words)
    assert (done.json["ref"], done.json["models"]) == ("iris:1", ["model.pkl:1"]) and "registered model.pkl:1" in done.err
    again = signed_in("manifest", "create", "-n", "iris", "-f", "score.py", "-i", "model.pkl:1", "-d", "requirements.txt").json
    assert (again["ref"], again["models"], again["requirements"]) == ("iris:2", ["model.pkl:1"], [])
    assert [row["ref"] for row in signed_in("manifest", "list").json] == ["iris:2", "iris:1"]
    assert signed_in("manifest", "show", "-i", "iris:1").json["requirements"] == ["packaging"]
    built = signed_in("image", "create", "-n", "flowers", "--manifest-id", "iris:1", "--image-description", "words")
    assert (built.json["ref"], built.json["built"], built.json["description"]) == ("flowers:1", True, "words")
    for step in ("resolve", "environment", "bundle", "probe"):
        assert re.search(rf"^{step} +Succeeded [0-9.]+ s: ", built.err, re.MULTILINE), built.err
    assert [row["ref"] for row in signed_in("image", "list").json] == ["flowers:1"]
    assert signed_in("image", "show", "-i", "flowers").json["manifest"] == "iris:1"
    assert signed_in("image", "bill", "-i", "flowers:1").json["metadata"]["component"]["name"] == "flowers"


def test_a_service_through_its_life(signed_in, group, worker, portal):
    factories.make_image(group, name="iris")
    factories.make_image(group, name="iris", manifest=None)
    made = signed_in(
        "service", "create", "realtime", "-n", "iris", "--image-id", "iris:1", "-z", 2, "--cpu", "0.25", "--memory", "300M", "-v"
    )
    assert (made.json["name"], made.json["state"], made.json["replicas"], made.json["cpu"]) == ("iris", "Running", 2, 0.25)
    assert set(made.json["keys"]) == {"primary", "secondary"} and "service run realtime -n iris" in made.err
    assert "POST http" in made.err and portal.transport.token not in made.err
    assert made.json["keys"]["primary"] not in made.err
    id = made.json["id"]
    assert [row["name"] for row in signed_in("service", "list", "realtime").json] == ["iris"]
    assert signed_in("service", "show", "-i", id).json["image"] == "iris:1"
    assert signed_in("service", "scale", "realtime", "-n", "iris", "-z", 1).json["readyReplicas"] == 1
    assert signed_in("service", "update", "realtime", "-i", id, "--image-id", "iris:2").json["image"] == "iris:2"
    assert signed_in("service", "update", "realtime", "-i", id, "--description", "words").json["description"] == "words"
    opened = signed_in("service", "update", "realtime", "-i", id, "--open-page", "true").json
    assert opened["openPage"] and f"/s/{group.name}/" in opened["openPageUri"]
    assert signed_in("service", "update", "realtime", "-i", id, "--open-page", "false").json["openPageUri"] is None
    assert signed_in("service", "update", "realtime", "-i", id).error["details"][0]["field"] == "image"
    assert signed_in("service", "stop", "realtime", "-n", "iris").json["state"] == "Stopped"
    assert signed_in("service", "start", "realtime", "-n", "iris").json["state"] == "Running"
    assert {row["slot"] for row in signed_in("service", "keys", "realtime", "-i", id).json} == {"primary", "secondary"}
    fresh = signed_in("service", "keys", "realtime", "-i", id, "--regen", "-k", "secondary").json
    assert fresh["slot"] == "secondary" and fresh["value"] not in made.out
    assert signed_in("service", "keys", "-i", id, "-r").error["details"][0]["field"] == "key"
    usage = signed_in("service", "usage", "realtime", "-n", "iris").out
    assert "/demo/iris/score" in usage and "/demo/iris/swagger.json" in usage and "Authorization: Bearer KEY" in usage
    assert signed_in("service", "logs", "realtime", "-n", "iris").code == 0
    assert signed_in("service", "delete", "realtime", "-n", "iris").error["statusCode"] == 403


def test_logs_are_merged_by_time_and_narrowed_by_request(signed_in, group, environment, settings, tmp_path):
    from django.utils import timezone

    from deployments.logs import replica_log_path
    from deployments.models import Replica

    settings.LOG_DIR = tmp_path / "logs"
    service = factories.make_service(group, name="iris", environment=environment)
    written = {"a": "2026-01-01T10:00:00Z one abc\n2026-01-01T10:00:02Z three\n", "b": "2026-01-01T10:00:01Z two abc\n"}
    for name, text in written.items():
        Replica.objects.create(revision=service.revisions.get(), name=name, state="ready", observed_at=timezone.now())
        path = replica_log_path(service, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert [line.split()[1] for line in signed_in("service", "logs", "realtime", "-n", "iris").out.splitlines()] == ["one", "two", "three"]
    narrowed = signed_in("service", "logs", "realtime", "-n", "iris", "-r", "abc", "-o", "json").json
    assert [line.split()[1] for line in narrowed.splitlines()] == ["one", "two"]


def test_an_owner_deletes_a_service(modelport, portal, owner, token_of, group, environment, worker):
    factories.make_service(group, name="iris", environment=environment)
    assert modelport("login", "--url", portal.transport.url, "--token", token_of(owner)).code == 0
    assert modelport("service", "delete", "realtime", "-n", "iris").json == {"deleted": "iris"}
    assert modelport("service", "list", "realtime").json == []


def test_one_step_with_the_originals_flags(signed_in, worker):
    words = ("-f", "score.py", "-r", "python", "-p", "requirements.txt", "--collect-model-data", "true")
    made = signed_in("service", "create", "realtime", "-m", "model.pkl", "-n", "flowers", *words).json
    assert (made["models"], made["manifest"], made["image"], made["state"]) == (["flowers:1"], "flowers:1", "flowers:1", "Running")
    assert made["collectModelData"] is True and set(made["keys"]) == {"primary", "secondary"}
    image = signed_in("image", "create", "-n", "petals", "-m", "model.pkl", "-m", "requirements.txt", "-f", "score.py").json
    assert (image["ref"], image["models"]) == ("petals:1", ["model.pkl:1", "requirements.txt:1"])


def test_keys_are_shown_even_when_the_rollout_fails(signed_in, worker):
    FakeBuilder.trouble = {"resolve": NO_PACKAGE}
    done = signed_in("service", "create", "realtime", "-n", "flowers", "-m", "model.pkl", "-f", "score.py")
    assert done.code == 1 and set(json.loads(done.out)["keys"]) == {"primary", "secondary"}
    assert (done.error["fault"], done.error["line"]) == ("yours", 1) and "scikit-lern" in done.error["message"]


def test_operations_without_waiting_and_later(signed_in, worker):
    FakeBuilder.block = "install"
    begun = signed_in("image", "create", "-n", "flowers", "-f", "score.py", "--no-wait").json
    assert begun["operationType"] == "Image" and begun["state"] in ("NotStarted", "Running")
    wait_until(lambda: len(signed_in("operation", "show", "-i", begun["id"]).json["steps"]) > 1)
    assert signed_in("operation", "wait", "-i", begun["id"], "--timeout", "0").error["code"] == "StillRunning"
    assert signed_in("operation", "cancel", "-i", begun["id"]).json["state"] == "Cancelled"
    assert signed_in("operation", "wait", "-i", begun["id"]).error["code"] == "Cancelled"
    FakeBuilder.block = ""
    more = signed_in("image", "create", "-n", "flowers", "-f", "score.py", "--no-wait").json
    assert signed_in("operation", "wait", "-i", more["id"]).json["state"] == "Succeeded"
    assert "bundle was done" in signed_in("operation", "log", "-i", more["id"]).out
    assert "bundle was done" not in signed_in("operation", "log", "-i", more["id"], "--step", "probe").out
    assert [row["state"] for row in signed_in("operation", "list", "--limit", 1).json] == ["Succeeded"]


def test_ctrl_c_leaves_the_work_going_on_and_shows_the_keys(signed_in, worker, monkeypatch):
    FakeBuilder.block = "install"
    monkeypatch.setattr("modelport.operations.Operation._wait", _interrupt)
    done = signed_in("service", "create", "realtime", "-n", "flowers", "-f", "score.py")
    assert done.code == 130 and set(json.loads(done.out)["keys"]) == {"primary", "secondary"}
    assert json.loads(done.err[done.err.index("{\n") :])["code"] == "Interrupted"
    operation = Operation.objects.get()
    wait_until(lambda: Operation.objects.get().state == "Running")
    operation.refresh_from_db()
    operation.cancel()


def _interrupt(*_):
    raise KeyboardInterrupt


def test_an_upload_that_is_stopped_leaves_no_set(signed_in, monkeypatch):
    monkeypatch.setattr("modelport.uploads.send", _interrupt)
    assert signed_in("model", "register", "-m", "model.pkl", "-n", "iris").code == 130
    assert not UploadSet.objects.exists()


def test_it_runs_as_a_module_with_none_of_our_other_packages_in_sight(portal, files, tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "modelport").symlink_to(Path(package.__file__).parent)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "MODELPORT"))}
    variables |= {"MODELPORT_URL": portal.transport.url, "MODELPORT_TOKEN": portal.transport.token, "PYTHONPATH": str(tmp_path / "library")}
    call = [sys.executable, "-m", "modelport", "model"]
    done = subprocess.run(
        [*call, "register", "-m", "model.pkl", "-n", "iris"], cwd=files, env=variables, capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout)["ref"] == "iris:1", done.stderr
    piped = f"{shlex.join([*call, 'show', '-m', 'iris:1'])} | true"
    quiet = subprocess.run(["sh", "-c", piped], cwd=files, env=variables, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in quiet.stderr
    refused = subprocess.run([*call, "show", "-m", "iris:9"], cwd=files, env=variables, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and json.loads(refused.stderr)["statusCode"] == 404 and refused.stdout == ""


def test_the_command_that_is_installed_is_this_one():
    with (ROOT / "modelport" / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["scripts"] == {"modelport": "modelport.cli:main"} and callable(cli.main)
    assert project["version"] == package.__version__


def test_a_recipe_is_written_from_the_models_files(signed_in, files):
    (files / "churn.txt").write_bytes(LIGHTGBM)
    signed_in("model", "register", "-m", "churn.txt", "-n", "churn")
    done = signed_in("manifest", "generate", "-i", "churn:1", "-d", "made")
    assert done.json["framework"] == "LightGBM" and "note: The objective is binary" in done.err
    assert sorted(path.name for path in (files / "made").iterdir()) == ["requirements.txt", "score.py", "service_schema.json"]
    assert signed_in("manifest", "generate", "-i", "churn:1", "-d", "made").error["code"] == "BadRequest"
    recipe = ("-f", "made/score.py", "-s", "made/service_schema.json", "-p", "made/requirements.txt")
    assert signed_in("manifest", "create", "-n", "churn", *recipe, "-i", "churn:1").json["ref"] == "churn:1"


def test_golden_requests_hold_a_rollout_until_somebody_decides(signed_in, worker, environment):
    words = ("service", "create", "realtime", "-n", "iris", "-f", "score.py", "-p", "requirements.txt", "-m", "model.pkl")
    assert signed_in(*words).json["name"] == "iris"
    saved = signed_in("golden", "save", "-n", "iris", "-r", "two", "-d", '{"x": 2}', "--expected", '{"y": 4}', "--tolerance", "/y=0.5").json
    assert saved["tolerances"] == {"/y": 0.5} and [row["name"] for row in signed_in("golden", "list", "-n", "iris").json] == ["two"]
    assert signed_in("golden", "policy", "-n", "iris").json == {"policy": "ask"}
    held = signed_in("service", "update", "realtime", "-n", "iris", "--call-timeout", "70")
    assert held.error["code"] == "WaitsForDecision"
    operation = Operation.objects.get(state="Waiting")
    found = signed_in("operation", "answers", "-i", operation.pk).json
    assert found["results"][0]["differences"][0] == {"pointer": "/y", "expected": "4", "got": ""}
    signed_in("operation", "approve", "-i", operation.pk)
    assert signed_in("operation", "wait", "-i", operation.pk).json["state"] == "Succeeded"
    assert signed_in("golden", "runs", "-n", "iris").json[0]["state"] == "Approved"
    assert signed_in("golden", "policy", "-n", "iris", "--set", "stop").json == {"policy": "stop"}
    assert signed_in("golden", "delete", "-n", "iris", "-r", "two").json == {"deleted": "two"}


def test_aliases_cards_and_comparing_from_the_command_line(signed_in, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("# Iris\n")
    for _ in range(2):
        assert signed_in("model", "register", "-m", "model.pkl", "-n", "iris", "--card", str(card)).code == 0
    assert json.loads(signed_in("model", "alias", "-m", "iris:1", "champion").out)["ref"] == "iris@champion"
    assert json.loads(signed_in("model", "show", "-m", "iris@champion").out)["ref"] == "iris:1"
    assert json.loads(signed_in("model", "alias", "-m", "iris").out)[0]["version"] == "iris:1"
    assert "iris:1" in signed_in("model", "alias", "-m", "iris:2", "champion", "--expected", "iris:2").err
    assert signed_in("model", "card", "-m", "iris:2").out == "# Iris\n"
    card.write_text("# Other\n")
    signed_in("model", "card", "-m", "iris:2", "--set", str(card))
    assert "+# Other" in json.loads(signed_in("model", "compare", "-m", "iris:2", "--with", "iris:1").out)["card"]
    assert signed_in("model", "alias", "-m", "iris", "champion", "--remove").code == 0
    assert json.loads(signed_in("model", "alias", "-m", "iris").out) == []


@pytest.mark.usefixtures("worker")
def test_a_service_follows_an_alias(signed_in):
    created = signed_in("service", "create", "realtime", "-n", "iris", "-m", "model.pkl", "-f", "score.py", "-p", "requirements.txt")
    assert created.code == 0, created.err
    assert signed_in("model", "alias", "-m", "iris:1", "live").code == 0
    told = signed_in("service", "follow", "realtime", "-n", "iris", "--alias", "iris@live").json
    assert (told["alias"], told["version"], told["state"]) == ("iris@live", "iris:1", "InStep")
    assert signed_in("model", "register", "-m", "score.py", "-n", "iris").code == 0
    assert signed_in("service", "follow", "realtime", "-n", "iris", "--pause").json["state"] == "Paused"
    assert signed_in("model", "alias", "-m", "iris:2", "live").json["followers"] == [{"service": "iris", "paused": True}]
    # Another file would collide with the scoring file: said, and what serves stays.
    refused = signed_in("service", "follow", "realtime", "-n", "iris", "--resume").json
    assert refused["state"] == "Failed" and "score.py" in refused["stateDetail"]
    assert signed_in("model", "alias", "-m", "iris:1", "live").code == 0
    assert signed_in("service", "follow", "realtime", "-n", "iris").json["state"] == "InStep"
    assert signed_in("model", "register", "-m", "model.pkl", "-n", "iris", "--alias", "live").code == 0
    assert signed_in("service", "follow", "realtime", "-n", "iris", "--resume").json["version"] == "iris:3"
    assert signed_in("service", "show", "realtime", "-n", "iris").json["image"] == "iris:2"
    assert signed_in("service", "follow", "realtime", "-n", "iris", "--end").json["alias"] is None
