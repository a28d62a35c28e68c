"""Schema files: the original's pickles are read and never run; ours go round unchanged."""

from __future__ import annotations

import base64
import json
import os
import pickle
import struct
import sys
import types

import numpy
import pytest

from scoring import inputs, samples, schema
from scoring.errors import SchemaError
from scoring.schema import NUMPY, PANDAS, STANDARD
from tests.scoring.conftest import IRIS_BODY, IRIS_SCHEMA, TEXT_SCHEMA

COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]


@pytest.fixture
def original(monkeypatch):
    """`original("pandasUtil", "PandasSchema", protocol, **state)`: the base64 pickle the original's package would write."""

    def make(module: str, name: str, protocol: int = 4, root: str = "azureml.api.schema", **state) -> str:
        full = f"{root}.{module}"
        cls = type(name, (), {"__module__": full})
        parts = full.split(".")
        for depth in range(1, len(parts)):
            monkeypatch.setitem(sys.modules, ".".join(parts[:depth]), types.ModuleType(".".join(parts[:depth])))
        holder = types.ModuleType(full)
        setattr(holder, name, cls)
        monkeypatch.setitem(sys.modules, full, holder)
        made = cls()
        made.__dict__.update(state)
        return base64.b64encode(pickle.dumps(made, protocol=protocol)).decode()

    return make


def entry(kind, internal, example=None, **swagger):
    return {"type": kind, "internal": internal, "swagger": {**swagger, "example": example}}


def read(**entries):
    return schema.read(json.dumps({"input": entries}).encode())


def test_the_original_iris_file():
    found = schema.read(IRIS_SCHEMA.encode())
    assert list(found.inputs) == ["input_df"]
    assert found.inputs["input_df"].columns == [(name, "float64") for name in COLUMNS]
    assert found.sample() == {"input_df": [{"petal width": 0.25, "petal length": 1.3, "sepal width": 3.6, "sepal length": 3.0}]}
    kwargs = inputs.build(found, inputs.check(found, json.dumps(IRIS_BODY).encode()))
    frame = kwargs["input_df"]
    assert list(frame.columns) == COLUMNS
    assert frame.dtypes.astype(str).tolist() == ["float64"] * 4
    assert frame.values.tolist() == [[3.0, 3.6, 0.25, 1.3]]


def test_the_original_text_file():
    found = schema.read(TEXT_SCHEMA.encode())
    assert found.inputs["doc_text"].internal() == {"data_type": "str"}
    assert inputs.build(found, inputs.check(found, b'{"doc_text": "x"}')) == {"doc_text": "x"}


def test_our_form_holds_no_pickle_and_goes_round():
    document = schema.read(IRIS_SCHEMA.encode()).to_json()
    assert isinstance(document["input"]["input_df"]["internal"], dict)
    assert schema.Schema.from_json(json.loads(json.dumps(document))).to_json() == document


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("root", ["azureml.api.schema", "azure.ml.api.schema"])
def test_numpy_pickles_of_every_protocol(original, protocol, root):
    internal = original("numpyUtil", "NumpySchema", protocol, root, shape=(2, 3), data_type=numpy.dtype("float64"))
    found = read(a=entry(NUMPY, internal, [[1.0, 2.0, 3.0]]))
    assert (found.inputs["a"].dtype, found.inputs["a"].shape) == ("float64", (2, 3))
    array = inputs.build(found, inputs.check(found, b'{"a": [[1,2,3.5],[4,5,6],[7,8,9]]}'))["a"]
    assert array.shape == (3, 3)
    assert array.dtype == numpy.float64


@pytest.mark.parametrize(
    "dtype",
    ["int8", "uint16", "float32", "bool", "object", "S5", "U7", "datetime64[ns]", "datetime64[D]", "timedelta64[s]", "<i4", ">f8"],
)
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_dtypes_out_of_pickles(original, dtype, protocol):
    live = numpy.dtype(dtype)
    internal = original("numpyUtil", "NumpySchema", protocol, shape=(1,), data_type=live)
    assert read(a=entry(NUMPY, internal)).inputs["a"].dtype == samples.dtypes.name_of(live)


def test_structured_dtype_out_of_a_pickle(original):
    live = numpy.dtype([("age", "i4"), ("place", [("x", "f8"), ("y", "f8")]), ("three", "f4", (3,))])
    found = read(a=entry(NUMPY, original("numpyUtil", "NumpySchema", shape=(2,), data_type=live)))
    assert found.inputs["a"].dtype == [["age", "int32"], ["place", [["x", "float64"], ["y", "float64"]]], ["three", "float32", [3]]]
    body = b'{"a": [{"age": 3, "place": {"x": 1, "y": 2}, "three": [1, 2, 3]}]}'
    array = inputs.build(found, inputs.check(found, body))["a"]
    assert array.dtype == live
    assert array["place"]["y"].tolist() == [2.0]
    assert array["three"].tolist() == [[1.0, 2.0, 3.0]]


def test_older_pandas_pickle_without_a_schema_map(original):
    state = {"shape": (1, 2), "column_names": ["age", "city"], "column_types": [numpy.dtype("int64"), numpy.dtype("O")]}
    internal = original("pandasUtil", "PandasSchema", 2, **state)
    swagger = {"items": {"type": "object", "properties": {"age": {"type": "integer"}, "city": {"type": "string"}}}}
    found = read(df=entry(PANDAS, internal, [{"age": 3, "city": "Oslo"}], **swagger))
    assert found.inputs["df"].columns == [("age", "int64"), ("city", "text")]


@pytest.mark.parametrize("name", ["int", "float", "str", "bool", "list", "dict", "tuple", "bytes", "bytearray", "range"])
def test_standard_pickles(original, name):
    internal = original("pythonUtil", "PythonSchema", 3, data_type=getattr(__import__("builtins"), name))
    assert read(a=entry(STANDARD, internal)).inputs["a"].data_type == name


def test_python_2_names_are_known(original):
    raw = base64.b64decode(original("pythonUtil", "PythonSchema", 2, data_type=str)).replace(b"builtins\nstr", b"__builtin__\nunicode")
    assert read(a=entry(STANDARD, base64.b64encode(raw).decode())).inputs["a"].data_type == "str"


# What is refused.


class Marker:
    """Makes a file when it is unpickled by anybody."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", [STANDARD, NUMPY, PANDAS])
def test_foreign_globals_are_named_and_not_run(original, tmp_path, protocol, kind):
    marker = tmp_path / "ran"
    for payload in (
        base64.b64encode(pickle.dumps(Marker(marker), protocol=protocol)).decode(),
        original("pandasUtil", "PandasSchema", protocol, column_names=[Marker(marker)], column_types=[]),
    ):
        with pytest.raises(SchemaError) as caught:
            read(a=entry(kind, payload))
        assert "posix.mkdir" in caught.value.message
        assert caught.value.pointer == "/input/a/internal"
    assert not marker.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"\x80\x02cbuiltins\ngetattr\ncnumpy\ndtype\nX\x04\x00\x00\x00spec\x86R.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x10dtype.__init__.x\x93.",
        b"cnumpy\ndtype.__class__\n.",
        b"\x80\x02\x82\x01.",
        b"Pid\n.",
        b"cbuiltins\nbytes\n(L9999999999L\ntR.",
        b"cbuiltins\nrange\n(K\x05tR.",
        b"cnumpy\ndtype\n}S'__init__'\nS'x'\nsb.",
        b"cbuiltins\nint\n}S'name'\nS'x'\nsb.",
        b"ccopyreg\n_reconstructor\n(cbuiltins\nint\ncbuiltins\nobject\nNtR.",
        b"\x80\x04N" + b"r" + struct.pack("<I", 2**31) + b".",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",
        b"\x80\x04X\xff\xff\xff\x7fabc.",
        b"(" * 300_000 + b".",
        b"I" + b"9" * 10_000 + b"\n.",
        b"N.",
        b"",
        b"not a pickle",
    ],
)
def test_hostile_pickles(raw):
    with pytest.raises(SchemaError) as caught:
        read(a=entry(PANDAS, base64.b64encode(raw).decode()))
    assert caught.value.pointer == "/input/a/internal"


def test_a_pickle_cannot_change_the_stubs(original):
    before = dict(vars(schema.pickles.PandasSchema))
    raw = b"cazureml.api.schema.pandasUtil\nPandasSchema\n(N}S'state'\nS'x'\nstb."
    with pytest.raises(SchemaError):
        read(a=entry(PANDAS, base64.b64encode(raw).decode()))
    assert dict(vars(schema.pickles.PandasSchema)) == before


def test_a_shared_bomb_is_small(original):
    """Nested references that would be 2^60 items if somebody walked them."""
    bomb: list = []
    for _ in range(60):
        bomb = [bomb, bomb]
    for state in ({"column_names": bomb, "column_types": bomb}, {"column_names": [bomb], "column_types": [bomb]}):
        with pytest.raises(SchemaError):
            read(a=entry(PANDAS, original("pandasUtil", "PandasSchema", **state)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[1]", "JSON object"),
        (b"{}", "neither `input` nor `output`"),
        (b'{"input": []}', "must be an object"),
        (b'{"input": {"a": 1}}', "type"),
        (b'{"input": {"a": {"type": 7, "internal": {}}}}', "PANDAS"),
        (b'{"input": {"a": {"type": true, "internal": {}}}}', "PANDAS"),
        (b'{"input": {"a": {"type": 3, "internal": "%%%"}}}', "base64"),
        (b'{"input": {"a": {"type": 3, "internal": {"columns": [{"name": "x", "dtype": "category"}]}}}}', "category"),
        (b'{"input": {"a": {"type": 3, "internal": {"columns": [{"name": {}, "dtype": "int8"}]}}}}', "Column names"),
        (b'{"input": {"a": {"type": 1, "internal": {"dtype": "int64", "shape": [-1]}}}}', "shape"),
        (b'{"input": {"a": {"type": 2, "internal": {"type": "struct"}}}}', "StructType"),
        (b"[" * 100_000, "nested"),
        (b'{"input": {"a": {"type": ' + b"9" * 5000 + b"}}}", ""),
        (b" " * 5_000_000, "4 MiB"),
    ],
)
def test_files_that_are_no_schema(data, says):
    with pytest.raises(SchemaError) as caught:
        schema.read(data)
    assert says in caught.value.message


# Samples.


def test_infer_from_a_request():
    found = schema.infer('{"input_df": [{"age": 3, "city": "Oslo", "height": 1.5}, {"age": 4, "city": "Rome", "height": null}], "n": 1}')
    assert found.inputs["input_df"].columns == [("age", "int64"), ("city", "text"), ("height", "float64")]
    assert found.inputs["n"].data_type == "int"
    assert schema.infer({"m": [[1, 2], [3, 4]]}).inputs["m"].shape == (2, 2)
    assert schema.infer({"m": [[1, 2], [3]]}).inputs["m"].data_type == "list"
    for bad in ("[]", "nonsense", "{}", '{"a": null}'):
        with pytest.raises(SchemaError):
            schema.infer(bad)


def test_every_sample_fits_its_own_schema():
    """What generate_schema writes as example is accepted, and comes back as what the sample was."""
    import pandas

    frame = pandas.DataFrame(
        {
            "i": numpy.array([1, 2], dtype="int8"),
            "f": [1.5, float("nan")],
            "b": [True, False],
            "s": ["x", None],
            "o": [{"a": 1}, [1]],
            "l": [[1, 2], [3, 4]],
            "t": pandas.to_datetime(["2017-01-31 12:00:00", None]),
            "d": pandas.to_timedelta(["2 days 03:04:05", "-1 days"]),
            "n": pandas.array([1, None], dtype="Int64"),
            7: [1.0, 2.0],
        }
    )
    arrays = {
        "m": numpy.arange(6.0).reshape(3, 2),
        "words": numpy.array(["ab", "c"]),
        "raw": numpy.array([b"ab", b"c"]),
        "when": numpy.array(["2017-01-31", "2018-01-31"], dtype="datetime64[s]"),
        "long": numpy.array([3, -4], dtype="timedelta64[h]"),
        "rec": numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        "scalar": numpy.array(5),
    }
    kinds = {"df": samples.type_of(PANDAS, frame), **{name: samples.type_of(NUMPY, each) for name, each in arrays.items()}}
    found = schema.read(json.dumps(schema.Schema(kinds).to_json()).encode())
    built = inputs.build(found, inputs.check(found, json.dumps(found.sample()).encode()))
    for name, each in arrays.items():
        assert built[name].dtype == each.dtype, name
        assert built[name].tolist() == each.tolist(), name
    assert built["df"].dtypes.astype(str).tolist() == frame.dtypes.astype(str).tolist()
    pandas.testing.assert_frame_equal(built["df"], frame)


def test_unsupported_samples():
    import pandas

    for sample in (pandas.DataFrame({"c": pandas.Categorical(["a"])}), pandas.DataFrame({("a", "b"): [1]}), [1]):
        with pytest.raises(TypeError):
            samples.type_of(PANDAS, sample)
    with pytest.raises(TypeError):
        samples.type_of(NUMPY, numpy.array([1j]))
    with pytest.raises(ValueError):
        samples.type_of(STANDARD, None)
    with pytest.raises(TypeError):
        samples.type_of(STANDARD, object())


# Requests against a schema.
