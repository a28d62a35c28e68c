"""The one model behind every server: `train.py FOLDER` with scikit-learn, `train.py FOLDER --mlflow` for what MLflow saves."""

import json
import shutil
import sys
from pathlib import Path

import joblib
import pandas
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]
SCHEMA = {"input": {"data": {"type": 3, "internal": {"columns": [{"name": name, "dtype": "float64"} for name in COLUMNS]}}}}


def data():
    bunch = load_iris(as_frame=True)
    return bunch.data.set_axis(COLUMNS, axis=1), bunch.target


def train(folder: Path) -> None:
    frame, target = data()
    model = LogisticRegression(max_iter=1000).fit(frame, target)
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    rows = frame.to_dict(orient="records")
    for count in (1, 1000):
        records = [rows[index * 7 % len(rows)] for index in range(count)]
        (folder / f"records_{count}.json").write_text(json.dumps(records))
        (folder / f"expected_{count}.json").write_text(json.dumps(model.predict(pandas.DataFrame(records)).tolist()))
    for name, more in (("mlserver", {}), ("mlserver_batching", {"max_batch_size": 64, "max_batch_time": 0.002})):
        place = folder / name
        place.mkdir(exist_ok=True)
        settings = {"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}, **more}
        (place / "model-settings.json").write_text(json.dumps(settings))
        shutil.copy(folder / "model.joblib", place)
    ours = folder / "ours"
    ours.mkdir(exist_ok=True)
    schema = {"input": {"data": {**SCHEMA["input"]["data"], "swagger": {"example": rows[:1]}}}}
    (ours / "service_schema.json").write_text(json.dumps(schema))
    shutil.copy(folder / "model.joblib", ours)
    shutil.copy(Path(__file__).parent / "ours_score.py", ours / "score.py")


def save_for_mlflow(folder: Path) -> None:
    import mlflow
    from mlflow.models import infer_signature

    frame, _ = data()
    model = joblib.load(folder / "model.joblib")
    signature = infer_signature(frame, model.predict(frame))
    mlflow.sklearn.save_model(
        model, folder / "mlflow", signature=signature, serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
    )


if __name__ == "__main__":
    (save_for_mlflow if "--mlflow" in sys.argv else train)(Path(sys.argv[1]))
