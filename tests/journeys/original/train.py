"""Trains the Iris classifier and pickles it as model.pkl into the working directory: `train.py [prefix of the class names]`."""

import pickle
import sys

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]

iris = load_iris(as_frame=True)
prefix = sys.argv[1] if len(sys.argv) > 1 else ""
names = [prefix + iris.target_names[number] for number in iris.target]
model = LogisticRegression(C=1 / 0.01, max_iter=1000).fit(iris.data.set_axis(COLUMNS, axis="columns"), names)

with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
