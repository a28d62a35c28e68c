"""A linear classifier of Iris flowers, written as a graph of three nodes: probabilities, and the most likely class."""

import numpy
from onnx import TensorProto, checker, helper, numpy_helper, save

weights = numpy.array([[-0.42, 0.53, -0.11], [0.97, -0.32, -0.65], [-2.52, -0.2, 2.72], [-1.08, -0.94, 2.02]], numpy.float32)
bias = numpy.array([9.85, 2.24, -12.1], numpy.float32)
nodes = [
    helper.make_node("Gemm", ["flowers", "weights", "bias"], ["scores"]),
    helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    helper.make_node("ArgMax", ["scores"], ["classes"], axis=1, keepdims=0),
]
graph = helper.make_graph(
    nodes,
    "iris",
    [helper.make_tensor_value_info("flowers", TensorProto.FLOAT, ["rows", 4])],
    [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 3]),
        helper.make_tensor_value_info("classes", TensorProto.INT64, ["rows"]),
    ],
    [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
checker.check_model(model)
save(model, "iris.onnx")
