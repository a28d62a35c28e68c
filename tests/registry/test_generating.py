"""Recipes from files: each framework is known by its own signs, what is proposed fits itself, and nothing of a model is run."""

from __future__ import annotations

import ast
import gzip
import io
import pickle
import zlib

import numpy
import pytest

from registry.generating import ModelFiles, NotRecognised, Recipe, generate
from registry.generating.symbols import NotAPickle, describe
from registry.samples import schema_of
from scoring import driver as drivers
from scoring import schema as schemas
from tests.registry import saved_models as saved


def a_file(name: str, data: bytes) -> ModelFiles:
    return ModelFiles(name, False, {name: len(data)}, lambda path: io.BytesIO(data))


def a_folder(name: str, files: dict[str, bytes]) -> ModelFiles:
    return ModelFiles(name, True, {path: len(data) for path, data in files.items()}, lambda path: io.BytesIO(files[path]))


def joblib_dump(model: object, **options) -> bytes:
    import joblib

    out = io.BytesIO()
    joblib.dump(model, out, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def churn():
    """A pipeline over a table with a column of words."""
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pandas.DataFrame({"age": [20, 30, 40, 50], "plan": ["b", "a", "b", "c"]})
    of_words = make_pipeline(OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("numbers", StandardScaler(), ["age"]), ("words", of_words, ["plan"])])
    return Pipeline([("columns", columns), ("model", LogisticRegression())]).fit(frame, [0, 1, 0, 1])


@pytest.fixture(scope="module")
def lines():
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit([[0.0, 1.0, 2.0], [1.0, 2.0, 4.0], [3.0, 1.0, 0.0]], [0.0, 1.0, 2.0])


def fits(recipe: Recipe) -> None:
    """What a manifest will check: the scoring file is Python, and its arguments are the schema's."""
    schema = schemas.read(recipe.schema_file.encode()) if recipe.schema_file else None
    info = drivers.inspect_source(recipe.driver.encode())
    assert info.errors == [] and drivers.check_arguments(info, schema) == [], recipe.driver
    assert schema is None or schema.sample() is not None
    assert all(len(line) < 120 for line in recipe.driver.splitlines()), recipe.driver


def columns(recipe: Recipe) -> list[tuple[str, str]]:
    return recipe.schema.inputs["input_df"].columns


MADE_BY_HAND = {
    "onnx": (a_file("m.onnx", saved.onnx_double()), "ONNX", ["onnxruntime"]),
    "xgboost": (a_file("m.json", saved.xgboost_json(["age", "income"])), "XGBoost", ["xgboost-cpu>=3,<4", "pandas"]),
    "xgboost-ubj": (a_file("m.ubj", saved.xgboost_ubj(["age", "income"])), "XGBoost", ["xgboost-cpu>=3,<4", "pandas"]),
    "lightgbm": (a_file("m.txt", saved.LIGHTGBM), "LightGBM", ["lightgbm", "pandas"]),
    "keras": (a_file("m.keras", saved.keras()), "Keras", ["keras>=3.10.0", "tensorflow-cpu"]),
    "torchscript": (a_file("m.pt", saved.torchscript()), "PyTorch", ["torch", "numpy"]),
    "spark": (a_folder("churn", saved.SPARK), "Spark", ["numpy", "pandas<3"]),
    "mlflow": (
        a_folder("churn", saved.MLFLOW),
        "MLflow (sklearn)",
        ["mlflow-skinny==2.14.1", "cloudpickle==3.0.0", "scikit-learn==1.5.1", "numpy", "pandas"],
    ),
}


@pytest.mark.parametrize("name", MADE_BY_HAND)
def test_each_framework_is_known_by_its_files(name):
    files, framework, requirements = MADE_BY_HAND[name]
    recipe = generate(files)
    assert (recipe.framework, recipe.requirements) == (framework, requirements)
    fits(recipe)


@pytest.mark.parametrize("options", [{}, {"compress": 3}, {"compress": "gzip"}, {"compress": ("lzma", 1)}], ids=str)
def test_scikit_learn_says_its_version_its_columns_and_their_words(churn, options):
    import sklearn

    recipe = generate(a_file("churn.joblib", joblib_dump(churn, **options)))
    assert recipe.framework == "scikit-learn" and recipe.requirements[0] == f"scikit-learn=={sklearn.__version__}"
    assert columns(recipe) == [("age", "float64"), ("plan", "text")]
    assert recipe.schema.sample() == {"input_df": [{"age": 0.0, "plan": "a"}]}
    fits(recipe)


@pytest.mark.parametrize("given", ["subject", ["subject"]], ids=["one name", "a list"])
def test_a_column_that_a_vectorizer_reads_is_text(given):
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    frame = pandas.DataFrame({"subject": ["refund please", "all is well", "broken item"], "orders": [1, 2, 3]})
    text = TfidfVectorizer() if given == "subject" else make_pipeline(FunctionTransformer(numpy.ravel), TfidfVectorizer())
    model = make_pipeline(make_column_transformer((text, given), (StandardScaler(), ["orders"])), LogisticRegression())
    recipe = generate(a_file("tickets.pkl", pickle.dumps(model.fit(frame, [0, 1, 0]))))
    assert columns(recipe) == [("subject", "text"), ("orders", "float64")]
    assert len(model.predict(pandas.DataFrame(recipe.schema.sample()["input_df"]))) == 1
    fits(recipe)


def test_plain_pickles_of_arrays_and_of_dictionaries(lines, churn):
    recipe = generate(a_file("lines.pkl", pickle.dumps(lines, protocol=2)))
    assert recipe.schema.inputs["data"].shape == (1, 3) and "pandas" not in recipe.requirements
    recipe = generate(a_file("both.pkl", joblib_dump({"model": churn, "threshold": 0.5})))
    assert "['model']" in recipe.driver and columns(recipe)[1] == ("plan", "text")
    fits(recipe)


def test_the_scoring_file_that_is_proposed_answers(lines, tmp_path, monkeypatch):
    (tmp_path / "lines.pkl").write_bytes(joblib_dump(lines))
    recipe = generate(a_file("lines.pkl", joblib_dump(lines)))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(recipe.driver, "score.py", "exec"), names)
    names["init"]()
    assert names["run"]([[0.0, 1.0, 2.0]]) == pytest.approx([0.0], abs=1e-6)


def test_a_sample_wins_over_what_the_files_say(churn, lines):
    given = schema_of("age;plan\n41;basic\n")
    recipe = generate(a_file("churn.joblib", joblib_dump(churn)), sample=given)
    assert columns(recipe) == [("age", "int64"), ("plan", "text")]
    recipe = generate(a_file("lines.pkl", joblib_dump(lines)), sample=schema_of('{"x": [{"a": 1.0, "b": 2.0, "c": 3.0}]}'))
    assert "def run(x):" in recipe.driver and "x.to_numpy()" in recipe.driver
    fits(recipe)


def test_without_a_schema_the_body_is_read_by_the_scoring_file():
    recipe = generate(MADE_BY_HAND["torchscript"][0])
    assert recipe.schema is None and "def run(body):" in recipe.driver and any("sample" in note for note in recipe.notes)


def test_onnx_inputs_that_are_columns_become_a_table():
    recipe = generate(a_file("m.onnx", saved.onnx_columns()))
    assert columns(recipe) == [("age", "float32"), ("plan", "text")]
    assert 'input_df[["plan"]].to_numpy(dtype="object")' in recipe.driver
    fits(recipe)


def test_weights_are_walked_past_not_read():
    read = 0

    class Counting(io.BytesIO):
        def read(self, size=-1):
            nonlocal read
            data = super().read(size)
            read += len(data)
            return data

    data = saved.onnx_double(weights=5_000_000)
    assert generate(ModelFiles("m.onnx", False, {"m.onnx": len(data)}, lambda path: Counting(data))).framework == "ONNX"
    assert read < 10_000


def test_the_columns_of_spark_are_those_that_no_stage_makes():
    recipe = generate(MADE_BY_HAND["spark"][0])
    assert columns(recipe) == [("plan", "text"), ("age", "float64")] and recipe.runtime == "spark-py"
    assert "What plan may hold" in recipe.notes[0]
    assert "may hold" not in " ".join(generate(MADE_BY_HAND["spark"][0], sample=schema_of("plan;age\nbasic;4.5\n")).notes)


def test_mlflow_signature_python_and_what_is_left_out():
    recipe = generate(MADE_BY_HAND["mlflow"][0])
    assert columns(recipe) == [("age", "int64"), ("plan", "text")] and recipe.python == "3.11"
    assert any("-e ./mine" in note for note in recipe.notes)


REFUSED = {
    "nothing known": (a_file("notes.txt", b"hello"), "no kind of model"),
    "a pickle of weights": (a_file("m.pt", saved.archive({"m/data.pkl": b"x"})), "torch.jit.script"),
    "two tensors": (a_file("m.pt", saved.torchscript("x: Tensor, y: Tensor")), "takes 2 tensors"),
    "a list": (a_file("m.pkl", pickle.dumps([1, 2])), "not a model"),
    "no pickle": (a_file("m.pkl", b"hello"), "cannot be read as a pickle"),
    "no onnx": (a_file("m.onnx", b"hello there, this is no model"), "not an ONNX model"),
    "no archive": (a_file("m.keras", b"PK not a zip"), "not a Keras archive"),
    "aliases": (a_folder("m", {"MLmodel": b"a: &x 1\nb: *x\n"}), "aliases"),
    "empty": (a_folder("m", {}), "no kind of model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_said_with_the_cure(name):
    files, words = REFUSED[name]
    with pytest.raises(NotRecognised, match=words):
        generate(files)


def test_names_of_files_and_columns_cannot_write_code():
    evil = 'm"); import os; os.system("x") #".onnx'
    recipe = generate(a_file(evil, saved.onnx_double()))
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(recipe.driver)) if isinstance(node, ast.Call)]
    assert not any("system" in call for call in calls)
    recipe = generate(a_file("m.json", saved.xgboost_json(['a"]]).x(', "b\n"])))
    fits(recipe)


def test_a_class_of_a_module_that_nobody_has_is_told_before_the_build():
    own = b"\x80\x02courteam_models\nMyModel\n)\x81}X\x01\x00\x00\x00aK\x01sb."
    recipe = generate(a_file("ours.pkl", own))
    assert recipe.framework == "pickle" and any("`ourteam_models`" in note and "ourteam_models.py" in note for note in recipe.notes)


def test_classes_of_packages_are_not_doubted(churn):
    notes = generate(a_file("churn.pkl", pickle.dumps(churn))).notes
    assert not any("needs the module" in note for note in notes)


def test_a_pickle_is_never_run(tmp_path):
    mark = tmp_path / "was here"

    class Opens:
        def __reduce__(self):
            return open, (str(mark), "w")

    for data in (pickle.dumps(Opens()), joblib_dump({"model": Opens()})):
        found = describe(io.BytesIO(data))
        assert ("io", "open") in found.globals or ("_io", "open") in found.globals
    assert not mark.exists()


HOSTILE = {
    "a tuple in a tuple as a key": b"\x80\x04}" + b"K\x01" + b"\x85" * 200_000 + b"K\x01s.",
    "a key that takes forever to hash": b"\x80\x04}K\x01\x85\x94" + b"".join(b"h%c\x86\x94" % n for n in range(60)) + b"K\x01s.",
    "more bytes than there are": b"\x80\x04B\xff\xff\xff\x7f",
    "a frame larger than the world": b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f",
    "a text without an end": b"\x80\x02V" + b"a" * 3_000_000,
    "very many parts": b"\x80\x04" + b"N0" * 1_000_000 + b"N.",
    "a number of a million digits": b"\x80\x02I" + b"9" * 900_000 + b"\n.",
    "a stack that is empty": b"\x80\x04R.",
    "zeros without an end": gzip.compress(b"\x80\x04B" + (2**31 - 1).to_bytes(4, "little") + bytes(20_000_000)),
    "zlib without an end": zlib.compress(b"\x80\x04B" + (2**31 - 1).to_bytes(4, "little") + bytes(20_000_000)),
    "an array that says it is huge": b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(\x8c\x05shapeJ\xff\xff\xff\x7f\x85ub.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_come_to_an_end(name):
    """Neither memory nor the stack of C nor time without end: what is read is bounded, and nothing is hashed."""
    try:
        describe(io.BytesIO(HOSTILE[name]))
    except NotAPickle as refused:
        assert str(refused)
