"""The entry of an image: names, secret, probe, and how failures are told."""

from __future__ import annotations

import json
import pickle

import pytest

from tests.scoring.conftest import IRIS_BODY, IRIS_SCHEMA, run_python

OWN_SCORING = "import scoring\nfrom scoring import helper\ndef init():\n    assert scoring.MINE\ndef run(body):\n    return helper(body)\n"
HELPER = "MINE = True\ndef helper(body):\n    return 'mine: ' + body\n"


def probe(launcher, **environment):
    done = run_python(launcher, "probe", cwd="/", **environment)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("MODELPORT-PROBE ")
    return done, json.loads(last[len("MODELPORT-PROBE ") :])


def test_probe_of_the_iris_example(bundle, iris_folder):
    done, found = probe(bundle(iris_folder))
    assert done.returncode == 0, done.stderr
    assert found["ok"] and found["sample_result"] == ["Iris-setosa"]
    assert found["details"]["packages"]["scikit-learn"]
    assert found["details"]["init_seconds"] > 0 and found["details"]["run_seconds"] > 0


def test_a_scoring_py_of_the_users_own(bundle, folder, start):
    source = folder(OWN_SCORING, scoring=HELPER)
    _done, found = probe(bundle(source))
    assert found["ok"], found
    for target in (bundle(source), source):
        assert start(target).call("POST", "/score", b"x")[::2] == (200, b'"mine: x"')


def test_the_runtimes_modules_are_not_in_the_users_way(bundle, folder):
    """Files named like the runtime's own modules, and no trace of /opt/modelport on the path."""
    names = ["app", "errors", "dtypes", "server", "inputs", "outputs", "driver", "values", "launch", "replica"]
    check = "\n".join(f"import {name}; assert {name}.MINE" for name in names)
    source = folder(
        f"import sys\n{check}\nassert not any('modelport' in each for each in sys.path), sys.path\n"
        "assert 'scoring' not in sys.modules\ndef init(): pass\ndef run(body): pass\n",
        **dict.fromkeys(names, "MINE = True"),
    )
    done, found = probe(bundle(source))
    assert found["ok"], (found, done.stderr)


def test_the_secret_opens_everything_but_livez(bundle, iris_folder, start, tmp_path):
    place = tmp_path / "r.sock"
    replica = start(
        bundle(iris_folder),
        unix=place,
        MODELPORT_SECRET="s3cret",
        MODELPORT_SERVICE="demo/iris",
        MODELPORT_REVISION="4",
        MODELPORT_NONCE="n-1",
        MODELPORT_SERVER_URL="http://127.0.0.1:8081/demo/iris",
    )
    secret = {"X-Modelport-Secret": "s3cret"}
    assert replica.call("GET", "/livez")[0] == 200
    for path in ("/", "/readyz", "/swagger.json", "/openapi.json", "/metrics", "/nothing", "/collected"):
        for headers in ({}, {"X-Modelport-Secret": "wrong"}, {"X-Modelport-Secret": "s3cret, s3cret"}, {"X-Modelport-Secret": ""}):
            status, _, body = replica.call("GET", path, headers=headers)
            assert (status, json.loads(body)["code"]) == (403, "Forbidden")
    assert replica.call("POST", "/score", IRIS_BODY)[0] == 403
    assert replica.call("POST", "/score", IRIS_BODY, secret)[0] == 200
    ready = json.loads(replica.call("GET", "/readyz", headers=secret)[2])
    assert {name: ready[name] for name in ("status", "service", "revision", "digest", "nonce")} == {
        "status": "ready",
        "service": "demo/iris",
        "revision": "4",
        "digest": "sha256:0123",
        "nonce": "n-1",
    }
    assert json.loads(replica.call("GET", "/openapi.json", headers=secret)[2])["servers"] == [{"url": "http://127.0.0.1:8081/demo/iris"}]
    assert "/demo/iris/score" in json.loads(replica.call("GET", "/swagger.json", headers=secret)[2])["paths"]
    replica.signal()
    assert replica.wait() == 0
    assert not place.exists()


def test_user_code_does_not_see_the_secret(bundle, folder, start):
    replica = start(
        bundle(folder("import os\ndef init(): pass\ndef run(body): return os.environ.get('MODELPORT_SECRET')\n")), MODELPORT_SECRET="s3cret"
    )
    assert replica.call("POST", "/score", b"x", {"X-Modelport-Secret": "s3cret"})[::2] == (200, b"null")


@pytest.mark.parametrize(
    ("score", "schema", "says"),
    [
        ("def init():\n    open('model.pkl')\ndef run(x): pass", None, "init() failed: score.py line 2: FileNotFoundError"),
        ("def init():\n    open('model.pkl')\ndef run(x): pass", None, "Files that are there: helper.py, score.py"),
        ("import cPickle\ndef init(): pass\ndef run(x): pass", None, "This module is of Python 2; Python 3 calls it `pickle`."),
        ("import nothere\ndef init(): pass\ndef run(x): pass", None, "`nothere` is not installed: add it to the pip or conda file"),
        ("import sklearn.externals.nothere\ndef init(): pass\ndef run(x): pass", None, "pin the version it was saved with"),
        ("def init(): pass", None, "has no function run()"),
        ("def init(:", None, "line 1 is not Python"),
        ("def init(): pass\ndef run(data): pass", IRIS_SCHEMA, "line 2: run() takes `data`, the schema calls its input `input_df`"),
        (
            "def init(): pass\ndef run(input_df):\n    return 1 / 0",
            IRIS_SCHEMA,
            "run() failed with the schema's sample: score.py line 3: ZeroDivisionError",
        ),
        ("import helper\ndef init():\n    helper.load()\ndef run(x): pass", None, "init() failed: helper.py line 2: ValueError: broken"),
        ("def init():\n    exit(5)\ndef run(x): pass", None, "asked the process to exit"),
        ("def init(): pass\ndef run(input_df): return object()", IRIS_SCHEMA, "JSON has no form for"),
    ],
)
def test_failures_are_told_to_the_person_who_can_mend_them(bundle, folder, start, score, schema, says):
    source = folder(score, schema, helper="def load():\n    raise ValueError('broken')\n")
    done, found = probe(bundle(source))
    assert done.returncode == 3
    assert not found["ok"] and says in found["message"]
    if "run() failed" not in says and "JSON" not in says:
        replica = start(source, ready=False)
        assert replica.wait() == 3
        assert any(says in line for line in replica.lines)
        assert not any("replica.py" in line for line in replica.lines)


def test_a_model_of_a_class_that_is_not_there(bundle, folder, tmp_path):
    source = folder("import pickle\ndef init():\n    pickle.load(open('m.pkl', 'rb'))\ndef run(x): pass")
    (source / "m.pkl").write_bytes(b"c__main__\nMyModel\n.")
    assert "a class of the training script" in probe(bundle(source))[1]["message"]
    (source / "m.pkl").write_bytes(pickle.dumps(1))
    assert probe(bundle(source))[1]["ok"]


LOAD = "import joblib\ndef init():\n    global model\n    model = joblib.load('models/m.pkl')\ndef run(x): return model.predict([[1.0]])\n"


def test_a_model_of_another_scikit_learn(bundle, folder):
    """The file is a real model whose state says an older version, as one that was saved years ago does."""
    import joblib
    import sklearn
    from sklearn.linear_model import LinearRegression

    def say_older(state=LinearRegression.__getstate__):
        return lambda self: {**state(self), "_sklearn_version": "0.22.1"}

    source = folder(LOAD)
    (source / "models").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinearRegression, "__getstate__", say_older())
        joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), source / "models" / "m.pkl")
    note = f"saved with scikit-learn 0.22.1, {sklearn.__version__} is installed: pin scikit-learn==0.22.1"
    done, found = probe(bundle(source))
    assert found["ok"] and note in found["details"]["notes"][0] and note in done.stdout
    (source / "score.py").write_text(LOAD.replace("\ndef run", "\n    model.gone\ndef run"))
    _, found = probe(bundle(source))
    assert "score.py line 5: AttributeError" in found["message"] and note in found["message"]


@pytest.mark.parametrize(
    ("init", "says"),
    [
        ("open('m.pkl')", "There is a models/m.pkl; is that the one? Files that are there: score.py, models/m.pkl."),
        ("pickle.load(open('models/m.pkl', 'rb'))", "cut short, a Git LFS pointer, or of another kind"),
        ("numpy.zeros(2**47)", "There is not enough memory to load the model."),
        ("ctypes.CDLL('libnothere.so.3')", "The system library libnothere.so.3 is not in the image"),
        (
            "raise RuntimeError('[ONNXRuntimeError] : 3 : NO_SUCHFILE : Load model from m.onnx failed')",
            "Files that are there: score.py, models/m.pkl",
        ),
        ("raise ImportError('numpy.core.multiarray failed to import')", "Pin numpy"),
        ("raise ValueError('unsupported pickle protocol: 9')", "saved with a newer Python"),
        ("wrapped()", "RuntimeError: no model. The package `xgboost` is not installed: add it to the pip or conda file."),
        ("raise PermissionError(13, 'Permission denied', '/app/cache')", "The process may not use that file. Write temporary files"),
    ],
)
def test_what_it_means_and_what_to_do(bundle, folder, init, says):
    wrapped = "def wrapped():\n    try:\n        raise ModuleNotFoundError(\"No module named 'xgboost'\", name='xgboost')\n"
    wrapped += "    except ImportError as error:\n        raise RuntimeError('no model') from error\n"
    source = folder(f"import ctypes, numpy, pickle\n{wrapped}def init():\n    {init}\ndef run(x): pass\n")
    (source / "models").mkdir()
    (source / "models" / "m.pkl").write_text("version https://git-lfs.github.com/spec/v1\n")
    done, found = probe(bundle(source))
    assert done.returncode == 3 and says in found["message"], found["message"]
    assert f"score.py line {6 if 'wrapped' in init else 8}" in found["message"]


def test_a_broken_bundle_is_said(bundle, folder):
    launcher = bundle(folder("def init(): pass\ndef run(x): pass"))
    (launcher.parent / "bundle.json").write_text("{")
    done, found = probe(launcher)
    assert done.returncode == 3 and "bundle.json" in found["message"]


def test_the_probe_line_is_the_last_one_whatever_user_code_does(bundle, folder):
    noisy = "import atexit, threading, time\natexit.register(print, 'late')\n"
    noisy += "threading.Thread(target=lambda: time.sleep(60)).start()\ndef init(): print('MODELPORT-PROBE {}')\ndef run(x): pass"
    done, found = probe(bundle(folder(noisy)))
    assert done.returncode == 0 and found["ok"]


def test_bad_settings_are_said_by_name(folder, start):
    replica = start(folder("def init(): pass\ndef run(x): pass"), ready=False, MODELPORT_TIMEOUT_SECONDS="soon")
    assert replica.wait() == 3
    assert any("MODELPORT_TIMEOUT_SECONDS must be a number" in line for line in replica.lines)
