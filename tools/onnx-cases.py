"""Writes tests/onnx/cases.json: small models of old and new operator revisions with the results of onnxruntime (or, where it has no
kernel for that revision, of onnx.reference), so that reading models is tested without ONNX's own data.

usage: python tools/onnx-cases.py
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(7)
cases = []


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def text(message):
    return base64.b64encode(message.SerializeToString()).decode()


def case(name, opset, nodes, inputs, outputs=("y",), initializers=None, free=(), custom=False, functions=()):
    """`free`: names of inputs whose first axis is the symbol b."""

    def info(key, array):
        shape = list(array.shape)
        if key in free:
            shape[0] = "b"
        return helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(array.dtype), shape)

    graph = helper.make_graph(
        nodes,
        name,
        [info(key, array) for key, array in inputs.items()],
        [onnx.ValueInfoProto(name=key) for key in outputs],
        [numpy_helper.from_array(array, key) for key, array in (initializers or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("com.microsoft", 1)] if custom else [])
    opsets += [helper.make_opsetid(function.domain, 1) for function in functions[:1]]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="", functions=functions)
    model.producer_name = ""
    try:
        if not custom:
            model = onnx.shape_inference.infer_shapes(model)
            del model.graph.value_info[:]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        results = onnxruntime.InferenceSession(model.SerializeToString(), options).run(list(outputs), inputs)
    except Exception as error:
        print(f"{name}: reference ({str(error)[:100]})")
        results = ReferenceEvaluator(model).run(list(outputs), inputs)
    cases.append(
        {
            "name": name,
            "model": text(model),
            "inputs": [text(numpy_helper.from_array(array, key)) for key, array in inputs.items()],
            "outputs": [text(numpy_helper.from_array(np.asarray(array), key)) for key, array in zip(outputs, results)],
        }
    )


node = helper.make_node
x = floats(2, 3, 4)
image = floats(1, 4, 5, 6)

# Axes, bounds and sizes that moved from attributes to inputs.
for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]:
    case(f"{op} 11, axes as attribute", 11, [node(op, ["x"], ["y"], axes=[-1, 0], keepdims=0)], {"x": x}, free=["x"])
    case(f"{op} 18, axes as input", 18, [node(op, ["x", "a"], ["y"])], {"x": x}, initializers={"a": np.array([1])})
positive = np.abs(x) + 0.5
case("ReduceLogSum 13", 13, [node("ReduceLogSum", ["x"], ["y"], axes=[1])], {"x": positive})
case("ReduceLogSumExp 11", 11, [node("ReduceLogSumExp", ["x"], ["y"], axes=[2], keepdims=1)], {"x": x})
case("Squeeze 11", 11, [node("Squeeze", ["x"], ["y"], axes=[1])], {"x": floats(2, 1, 3)})
case("Unsqueeze 11", 11, [node("Unsqueeze", ["x"], ["y"], axes=[0, 3])], {"x": floats(2, 3)}, free=["x"])
case("Slice 9", 9, [node("Slice", ["x"], ["y"], starts=[1, -3], ends=[3, 100], axes=[1, 2])], {"x": x}, free=["x"])
bounds = {"s": np.array([3]), "e": np.array([-100]), "a": np.array([2]), "t": np.array([-2])}
case("Slice 13, backwards", 13, [node("Slice", ["x", "s", "e", "a", "t"], ["y"])], {"x": x}, initializers=bounds)
case("Pad 2", 9, [node("Pad", ["x"], ["y"], pads=[0, 1, 0, 2, 0, 3], value=1.5)], {"x": x})
case("Pad 13, reflect", 13, [node("Pad", ["x", "p"], ["y"], mode="reflect")], {"x": x}, initializers={"p": np.array([0, 1, 1, 0, 1, 2])})
case("Clip 6", 10, [node("Clip", ["x"], ["y"], min=-0.5, max=0.25)], {"x": x}, free=["x"])
case("Clip 6, one bound", 10, [node("Clip", ["x"], ["y"], max=0.25)], {"x": x})
low = {"low": np.array(-0.5, np.float32)}
case("Clip 13", 13, [node("Clip", ["x", "low"], ["y"])], {"x": x}, initializers=low)
case("Split 11", 11, [node("Split", ["x"], ["y", "z"], axis=2, split=[1, 3])], {"x": x}, ["y", "z"])
case("Split 13, equal", 13, [node("Split", ["x"], ["y", "z"], axis=2)], {"x": x}, ["y", "z"])
case("Split 18, num_outputs", 18, [node("Split", ["x"], ["y", "z"], axis=2, num_outputs=2)], {"x": x}, ["y", "z"])
case("TopK 9", 9, [node("TopK", ["x"], ["y", "i"], axis=1, k=2)], {"x": x}, ["y", "i"])
case("TopK 11", 11, [node("TopK", ["x", "k"], ["y", "i"], axis=2, largest=0)], {"x": x}, ["y", "i"], {"k": np.array([3])})
case("Upsample 7", 8, [node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0], mode="nearest")], {"x": image})
scales = {"s": np.array([1, 1, 2, 2], np.float32)}
case("Upsample 9, linear", 9, [node("Upsample", ["x", "s"], ["y"], mode="linear")], {"x": image}, initializers=scales)
case("Resize 10", 10, [node("Resize", ["x", "s"], ["y"], mode="nearest")], {"x": image}, initializers=scales)
roi = {"roi": np.array([], np.float32), "s": np.array([], np.float32), "n": np.array([1, 4, 9, 7])}
case(
    "Resize 11, cubic, torch's way",
    11,
    [node("Resize", ["x", "roi", "s", "n"], ["y"], mode="cubic", coordinate_transformation_mode="pytorch_half_pixel")],
    {"x": image},
    initializers=roi,
)

# Meanings that changed.
for op in ["Softmax", "LogSoftmax"]:
    case(f"{op} 11 flattens", 11, [node(op, ["x"], ["y"], axis=1)], {"x": x}, free=["x"])
    case(f"{op} 11, default axis", 11, [node(op, ["x"], ["y"])], {"x": x})
    case(f"{op} 13", 13, [node(op, ["x"], ["y"], axis=1)], {"x": x})
case("Dropout 7", 9, [node("Dropout", ["x"], ["d"], ratio=0.3), node("Neg", ["d"], ["y"])], {"x": x})
case("Dropout 13, mask", 13, [node("Dropout", ["x"], ["y", "m"])], {"x": x}, ["y", "m"])
channel = {k: v for k, v in zip("sbmv", [floats(4), floats(4), floats(4), np.abs(floats(4)) + 0.5])}
for opset in (8, 9, 15):
    names = ["x", "s", "b", "m", "v"]
    case(f"BatchNormalization {opset}", opset, [node("BatchNormalization", names, ["y"], epsilon=1e-3)], {"x": image}, initializers=channel)
groups = {"s": floats(2), "b": floats(2)}
case("GroupNormalization 18, per group", 18, [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)], {"x": image}, initializers=groups)
each = {"s": floats(4), "b": floats(4)}
case("GroupNormalization 21, per channel", 21, [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)], {"x": image}, initializers=each)
grid = (random.random((1, 3, 3, 2)) * 2.4 - 1.2).astype(np.float32)
case("GridSample 16, bilinear", 16, [node("GridSample", ["x", "g"], ["y"], mode="bilinear")], {"x": image, "g": grid})
case("GridSample 20, cubic", 20, [node("GridSample", ["x", "g"], ["y"], mode="cubic", align_corners=1)], {"x": image, "g": grid})
case("GridSample 16 in a graph that needs opset 20", 20, [node("GridSample", ["x", "g"], ["h"], mode="linear"), node("Gelu", ["h"], ["y"])], {"x": image, "g": grid})
updates = {"i": np.array([[0, 1, 0], [1, 0, 1]]), "u": floats(2, 3)}
case("Scatter 9", 9, [node("Scatter", ["x", "i", "u"], ["y"], axis=0)], {"x": floats(2, 3)}, initializers=updates)

# Constants in all forms, fills, casts.
for key, value in {"value_float": 2.5, "value_floats": [1.0, 2.0, 3.0, 4.0]}.items():
    case(f"Constant, {key}", 13, [node("Constant", [], ["c"], **{key: value}), node("Mul", ["x", "c"], ["y"])], {"x": x})
array = numpy_helper.from_array(floats(3, 4), "t")
case("Constant, value", 9, [node("Constant", [], ["c"], value=array), node("Add", ["x", "c"], ["y"])], {"x": x}, free=["x"])
fill = helper.make_tensor("v", TensorProto.INT32, [1], [7])
case("ConstantOfShape of a computed shape", 11, [node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["y"], value=fill)], {"x": x}, free=["x"])
case("Cast to bool and back", 13, [node("Cast", ["x"], ["c"], to=9), node("Cast", ["c"], ["y"], to=1)], {"x": np.round(x)})
half = floats(2, 3).astype(np.float16)
case("half floats in typed fields", 13, [node("Add", ["x", "w"], ["y"])], {"x": half}, initializers={"w": half})

# Shapes that a graph computes, as PyTorch's exporter writes them.
case(
    "flatten with a free batch",
    13,
    [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["b"]),
        node("Unsqueeze", ["b", "first"], ["bv"]),
        node("Concat", ["bv", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ],
    {"x": x},
    initializers={"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1])},
    free=["x"],
)
case(
    "class token repeated over the batch",
    11,
    [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["b"]),
        node("Unsqueeze", ["b"], ["bv"], axes=[0]),
        node("Concat", ["bv", "minus", "minus"], ["wanted"], axis=0),
        node("ConstantOfShape", ["three"], ["ones"], value=helper.make_tensor("v", TensorProto.INT64, [1], [1])),
        node("Mul", ["ones", "minus"], ["minuses"]),
        node("Equal", ["wanted", "minuses"], ["keep"]),
        node("Where", ["keep", "ones", "wanted"], ["shape"]),
        node("Expand", ["cls", "shape"], ["tokens"]),
        node("Concat", ["tokens", "x"], ["y"], axis=1),
    ],
    {"x": x},
    initializers={"zero": np.array(0), "minus": np.array([-1]), "three": np.array([3]), "cls": floats(1, 1, 4)},
    free=["x"],
)

case(
    "a shape chosen by logic",
    18,
    [
        node("Shape", ["x"], ["heads"], start=1, end=2),
        node("Equal", ["heads", "four"], ["same"]),
        node("Not", ["same"], ["other"]),
        node("Mod", ["heads", "three"], ["rest"]),
        node("Equal", ["rest", "zero"], ["whole"]),
        node("And", ["other", "whole"], ["grouped"]),
        node("Where", ["grouped", "three", "one"], ["groups"]),
        node("Concat", ["minus", "groups", "four"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["y"]),
    ],
    {"x": x},
    initializers={k: np.array([v]) for k, v in {"four": 4, "three": 3, "zero": 0, "one": 1, "minus": -1}.items()},
    free=["x"],
)

# Operators that become others, and com.microsoft.
case("Mean 13", 13, [node("Mean", ["x", "z"], ["y"])], {"x": x, "z": floats(3, 4)})
case("Selu 6", 13, [node("Selu", ["x"], ["y"])], {"x": x})
case("Mish 18", 18, [node("Mish", ["x"], ["y"])], {"x": x})
case("CastLike 15", 15, [node("CastLike", ["x", "like"], ["y"])], {"x": np.round(x), "like": np.array([1])})
case("RMSNormalization 23", 23, [node("RMSNormalization", ["x", "s"], ["y"], epsilon=1e-3)], {"x": x}, initializers={"s": floats(4)})
for op in ["Gelu", "QuickGelu", "FastGelu"]:
    case(f"com.microsoft {op}", 13, [node(op, ["x"], ["y"], domain="com.microsoft")], {"x": x}, custom=True)
case("com.microsoft BiasGelu", 13, [node("BiasGelu", ["x", "b"], ["y"], domain="com.microsoft")], {"x": x}, initializers={"b": floats(4)}, custom=True)
case(
    "a block of a vision transformer, opset 17",
    17,
    [
        node("Conv", ["x", "k", "kb"], ["patches"], strides=[2, 2], kernel_shape=[2, 2], name="/patch_embed/Conv"),
        node("Reshape", ["patches", "flat"], ["columns"]),
        node("Transpose", ["columns"], ["tokens"], perm=[0, 2, 1]),
        node("LayerNormalization", ["tokens", "g", "h"], ["normed"], epsilon=1e-6, name="/blocks.0/norm1/LayerNormalization"),
        node("MatMul", ["normed", "w"], ["qkv"]),
        node("Split", ["qkv"], ["q", "kk", "v"], axis=2),
        node("Transpose", ["kk"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["scores"]),
        node("Softmax", ["scores"], ["weights"]),
        node("MatMul", ["weights", "v"], ["mixed"]),
        node("Add", ["tokens", "mixed"], ["y"]),
    ],
    {"x": floats(2, 3, 6, 6)},
    initializers={"k": floats(4, 3, 2, 2), "kb": floats(4), "flat": np.array([0, 4, -1]), "g": floats(4), "h": floats(4), "w": floats(4, 12)},
    free=["x"],
)

# Functions of the model, one calling the other, with an attribute that is handed down and an older opset inside.
old = [helper.make_opsetid("", 12), helper.make_opsetid("local", 1)]
scaled = helper.make_function(
    "local",
    "SumAxis",
    ["a"],
    ["s"],
    [onnx.NodeProto(op_type="ReduceSum", input=["a"], output=["s"], attribute=[onnx.AttributeProto(name="axes", ref_attr_name="over", type=onnx.AttributeProto.INTS)])],
    old,
    attributes=["over"],
)
outer = helper.make_function(
    "local",
    "Normalize",
    ["a"],
    ["r", "a"],
    [
        onnx.NodeProto(op_type="SumAxis", domain="local", input=["a"], output=["t"], attribute=[onnx.AttributeProto(name="over", ref_attr_name="axes", type=onnx.AttributeProto.INTS)]),
        node("Div", ["a", "t"], ["r"]),
    ],
    old,
    attributes=["axes"],
)
case(
    "functions of the model",
    18,
    [node("Normalize", ["x"], ["y", "h"], domain="local", axes=[2], name="/head/Normalize"), node("Normalize", ["h"], ["z", ""], domain="local", axes=[1])],
    {"x": positive},
    ["y", "z"],
    functions=[scaled, outer],
    free=["x"],
)

# Recurrence: a file of the first form, one with the batch first, one whose activations are said.
sequence = floats(3, 2, 4)
case("LSTM 7, both directions", 7, [node("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=3, direction="bidirectional")],
     {"x": sequence}, ["y", "h", "c"], {"w": floats(2, 12, 4), "r": floats(2, 12, 3), "b": floats(2, 24)}, free=["x"])
case("GRU 14, batch first", 14, [node("GRU", ["x", "w", "r", "b", "", "h"], ["y", "z"], hidden_size=3, layout=1, linear_before_reset=1)],
     {"x": sequence}, ["y", "z"], {"w": floats(1, 9, 4), "r": floats(1, 9, 3), "b": floats(1, 18), "h": floats(3, 1, 3)})
case("RNN 14, relu", 14, [node("RNN", ["x", "w", "r"], ["y"], hidden_size=3, activations=["Relu"])],
     {"x": sequence}, initializers={"w": floats(1, 3, 4), "r": floats(1, 3, 3)})

# What newer revisions added.
for name, extra in (("", {}), (", counted padding", {"count_include_pad": 1, "pads": [1, 1, 1, 1]}), (", ceil_mode", {"ceil_mode": 1, "strides": [2, 2]})):
    case(f"AveragePool 19, dilations{name}", 19, [node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 3], **extra)],
         {"x": floats(2, 3, 8, 7)}, free=["x"] if not extra else [])
case("AveragePool 22, no dilation", 22, [node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[1, 1])], {"x": image}, free=["x"])
truth = np.array([[True, True, False], [True, False, False]])
for op in ("ReduceMax", "ReduceMin"):
    case(f"{op} 20, bool", 20, [node(op, ["x", "a"], ["y"], keepdims=0)], {"x": truth}, initializers={"a": np.array([1])}, free=["x"])
for mode in ("DCR", "CRD"):
    case(f"SpaceToDepth 28, {mode}", 28, [node("SpaceToDepth", ["x"], ["y"], blocksize=2, mode=mode)], {"x": floats(2, 3, 4, 6)}, free=["x"])

path = pathlib.Path(__file__).parent.parent / "tests" / "onnx" / "cases.json"
path.write_text(json.dumps(cases, indent=0) + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
