import json

import numpy
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestRegressor

wine = load_wine()
measured = wine.data.astype(numpy.float32)
graph = to_onnx(RandomForestRegressor(20, random_state=34, n_jobs=1).fit(measured, wine.target), measured[:1])
with open("wine.onnx", "wb") as file:
    file.write(graph.SerializeToString())

session = onnxruntime.InferenceSession("wine.onnx", providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
asked = measured[[0, 70, 150]]
with open("request.json", "w") as file:
    json.dump({name: asked.tolist()}, file)
with open("answer.json", "w") as file:
    json.dump(session.run(None, {name: asked})[0].tolist(), file)
