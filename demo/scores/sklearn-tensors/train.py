"""Writes the model, and a request with two pictures of eight rows of eight grey values."""

import json

import joblib
from sklearn.datasets import load_digits
from sklearn.svm import SVC

digits = load_digits()
joblib.dump(SVC(gamma=0.001).fit(digits.data[:1500], digits.target[:1500]), "digits.pkl")
pictures = digits.images[[1501, 1502]]
tensor = {"name": "pictures", "shape": [2, 8, 8], "datatype": "FP64", "data": pictures.ravel().tolist()}
with open("request.json", "w") as file:
    json.dump({"id": "two-pictures", "inputs": [tensor]}, file)
