"""Trains a classifier on the Iris flowers and writes model.pkl beside this file.

The class names are the labels, so that the service answers with names: ["setosa"].
"""

import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]


def main(folder: Path) -> None:
    iris = load_iris(as_frame=True)
    flowers = iris.data.set_axis(COLUMNS, axis="columns")
    names = iris.target_names[iris.target]
    flowers, held_back, names, expected = train_test_split(flowers, names, test_size=0.2, random_state=7, stratify=names)
    model = LogisticRegression(max_iter=1000).fit(flowers, names)
    joblib.dump(model, folder / "model.pkl")
    print(f"model.pkl: {model.score(held_back, expected):.0%} of {len(expected)} flowers it had not seen are named right")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
