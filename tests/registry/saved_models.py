"""Model files of many frameworks, small and made without the frameworks; scikit-learn's are real."""

from __future__ import annotations

import io
import json
import zipfile


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _value_info(name: str, dtype: int, shape: list[int | str]) -> bytes:
    lengths = b"".join(_field(1, _field(1, each) if isinstance(each, int) else _field(2, each.encode())) for each in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, dtype) + _field(2, lengths)))


def onnx_double(weights: int = 0) -> bytes:
    """A whole ONNX model, y = x + x for x of [n, 3] float32; `weights` bytes that nothing uses lie in it."""
    node = _field(1, b"x") + _field(1, b"x") + _field(2, b"y") + _field(4, b"Add")
    unused = _field(5, _field(1, weights) + _field(2, 2) + _field(8, b"w") + _field(9, bytes(weights))) if weights else b""
    graph = (
        _field(1, node) + _field(2, b"g") + unused + _field(11, _value_info("x", 1, ["n", 3])) + _field(12, _value_info("y", 1, ["n", 3]))
    )
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 17))


def onnx_columns() -> bytes:
    """Declarations as skl2onnx writes them for a table: a column is an input."""
    inputs = _field(11, _value_info("age", 1, ["n", 1])) + _field(11, _value_info("plan", 8, ["n", 1]))
    graph = _field(2, b"g") + inputs + _field(12, _value_info("label", 7, ["n"])) + _field(12, _field(1, b"probabilities"))
    return _field(1, 8) + _field(7, graph)


def xgboost_json(names: list[str] | None = None) -> bytes:
    trees = {"model": {"trees": [{"id": 0, "left_children": [-1] * 50}]}}
    learner = {
        "attributes": {},
        "feature_names": names or [],
        "feature_types": ["float"] * len(names or []),
        "gradient_booster": trees,
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "4"},
        "objective": {"name": "binary:logistic"},
    }
    return json.dumps({"learner": learner, "version": [3, 1, 0]}, separators=(",", ":")).encode()


def xgboost_ubj(names: list[str]) -> bytes:
    def text(value: str) -> bytes:
        return b"L" + len(value).to_bytes(8, "big") + value.encode()

    def texts(values: list[str]) -> bytes:
        return b"[#L" + len(values).to_bytes(8, "big") + b"".join(b"S" + text(value) for value in values)

    learner = text("feature_names") + texts(names) + text("feature_types") + texts(["float"] * len(names))
    learner += text("learner_model_param") + b"{" + text("num_feature") + b"S" + text(str(len(names))) + b"}"
    learner += text("objective") + b"{" + text("name") + b"S" + text("reg:squarederror") + b"}"
    return b"{" + text("learner") + b"{" + learner + b"}" + text("version") + b"[#L" + (3).to_bytes(8, "big") + b"i\x03i\x01i\x00" + b"}"


LIGHTGBM = (
    b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=binary sigmoid:1\n"
    b"feature_names=age plan\nfeature_infos=[18:90] 0:1:2\ntree_sizes=10\n\nTree=0\n\nend of trees\n\npandas_categorical:null\n"
)


def archive(files: dict[str, object]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
    return out.getvalue()


def keras(version: str = "3.10.0", shape: tuple = (None, 4)) -> bytes:
    layer = {"class_name": "InputLayer", "config": {"batch_shape": list(shape), "dtype": "float32", "name": "in"}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    return archive({"metadata.json": {"keras_version": version}, "config.json": config, "model.weights.h5": b"x"})


def torchscript(arguments: str = "x: Tensor") -> bytes:
    code = f"class Net(Module):\n  def forward(self: __torch__.Net,\n    {arguments}) -> Tensor:\n    return x\n"
    return archive({"model/data.pkl": b"x", "model/code/__torch__.py": code, "model/version": "3"})


SPARK = {
    "metadata/part-00000": json.dumps({"class": "org.apache.spark.ml.PipelineModel", "sparkVersion": "3.5.1", "paramMap": {}}).encode(),
    "stages/0_StringIndexer_1/metadata/part-00000": json.dumps(
        {"class": "org.apache.spark.ml.feature.StringIndexerModel", "paramMap": {"inputCol": "plan", "outputCol": "plan_i"}}
    ).encode(),
    "stages/1_VectorAssembler_2/metadata/part-00000": json.dumps(
        {"class": "org.apache.spark.ml.feature.VectorAssembler", "paramMap": {"inputCols": ["age", "plan_i"], "outputCol": "features"}}
    ).encode(),
    "stages/2_Logistic_3/data/part-00000.parquet": b"PAR1",
}

MLFLOW = {
    "MLmodel": (
        b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.11.7\n  sklearn:\n    pickled_model: model.pkl\n"
        b'mlflow_version: 2.14.1\nsignature:\n  inputs: \'[{"type": "long", "name": "age", "required": true}, {"type": "string", "name": "plan"}]\'\n'
    ),
    "requirements.txt": b"mlflow==2.14.1\ncloudpickle==3.0.0\nscikit-learn==1.5.1\n-e ./mine\n",
    "model.pkl": b"\x80\x04N.",
}
