"""A small neural network of scikit-learn's, exported to ONNX; the request holds a picture it has not seen."""

import json

from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

digits = load_digits()
data = digits.data.astype("float32")
network = MLPClassifier((24,), random_state=4, max_iter=200).fit(data[:1500], digits.target[:1500])
with open("digits.onnx", "wb") as file:
    file.write(to_onnx(network, data[:1], options={"zipmap": False}, target_opset=17).SerializeToString())
with open("request.json", "w") as file:
    json.dump({"pictures": digits.images[[1600, 1601]].tolist()}, file)
