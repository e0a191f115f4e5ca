"""Writes tests/graph/golden/shape-cases.json: what ONNX Runtime says about the outputs of single operators.

Each case is a model of one node with random sizes. ONNX Runtime runs it; where it has no kernel, onnx.shape_inference answers.
A case whose model or run is refused is kept with `"outputs": null`: vitrine must refuse it too.

    python tools/shape-cases.py
"""

import json
import random
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

rng = random.Random(20)
values = np.random.default_rng(20)
ort.set_default_logger_severity(4)

NAMES = {"float32": np.float32, "float16": np.float16, "float64": np.float64, "int64": np.int64, "int32": np.int32,
         "int8": np.int8, "uint8": np.uint8, "bool": np.bool_}
OPSETS = {"Gelu": 20, "DeformConv": 19, "GroupNormalization": 21}
MICROSOFT = {"QuickGelu", "FusedMatMul", "DynamicQuantizeMatMul", "MatMulNBits", "MultiHeadAttention", "SkipLayerNormalization"}
cases = []


def size(low=1, high=6):
    return rng.randint(low, high)


def sizes(rank, low=1, high=6):
    return [size(low, high) for _ in range(rank)]


def t(shape, dtype="float32"):
    """An input that is fed."""
    return {"dtype": dtype, "shape": list(shape)}


def k(data, dtype="int64"):
    """A constant input."""
    data = np.asarray(data, NAMES[dtype])
    return {"dtype": dtype, "shape": list(data.shape), "data": data.ravel().tolist()}


def feed(spec):
    dtype = NAMES[spec["dtype"]]
    if spec["dtype"] == "bool":
        return values.integers(0, 2, spec["shape"]).astype(bool)
    if np.issubdtype(dtype, np.integer):
        # Small, so that they are valid as indices wherever a case uses them so.
        return values.integers(0, spec.get("below", 1), spec["shape"]).astype(dtype)
    return values.random(spec["shape"]).astype(dtype)


def code(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(NAMES[dtype]))


def case(op, inputs, attributes=None, outputs=1):
    attributes = attributes or {}
    onnx_attributes = dict(attributes)
    if op == "ConstantOfShape":
        number = onnx_attributes.pop("to", 1)
        to = next(n for n in NAMES if code(n) == number)
        onnx_attributes = {"value": helper.make_tensor("v", code(to), [1], [NAMES[to](attributes.get("value", 0)).item()])}
    names = ["" if spec is None else f"i{i}" for i, spec in enumerate(inputs)]
    out = [f"o{i}" for i in range(outputs)]
    domain = "com.microsoft" if op in MICROSOFT else ""
    node = helper.make_node(op, names, out, domain=domain, **onnx_attributes)
    given = [(n, s) for n, s in zip(names, inputs) if s is not None]
    graph = helper.make_graph(
        [node], op,
        [helper.make_tensor_value_info(n, code(s["dtype"]), s["shape"]) for n, s in given if "data" not in s],
        [helper.make_empty_tensor_value_info(n) for n in out],
        [helper.make_tensor(n, code(s["dtype"]), s["shape"], s["data"]) for n, s in given if "data" in s],
    )
    opset = 19 if op == "AveragePool" and "dilations" in attributes else OPSETS.get(op, 18)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    results, by = oracle(model, {n: feed(s) for n, s in given if "data" not in s})
    for spec in inputs:
        if spec:
            spec.pop("below", None)
    cases.append({"op": op, "inputs": inputs, "attributes": attributes, "outputs": results, "by": by})


def oracle(model, feeds):
    try:
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(None, feeds)
        return [{"dtype": str(np.asarray(r).dtype), "shape": list(np.asarray(r).shape)} for r in results], "onnxruntime"
    except Exception as error:
        if not any(word in str(error) for word in ("NOT_IMPLEMENTED", "is not implemented", "not supported", "NotImplemented")):
            return None, str(error)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    outputs = []
    for info in inferred.graph.output:
        tensor = info.type.tensor_type
        dtype = next(n for n in NAMES if code(n) == tensor.elem_type)
        outputs.append({"dtype": dtype, "shape": [d.dim_value for d in tensor.shape.dim]})
    return outputs, "onnx"


def broadcastable(*, ranks=(0, 4), count=2):
    full = sizes(size(*ranks))
    shapes = []
    for i in range(count):
        rank = rng.randint(0, len(full))
        shape = [d if rng.random() < 0.7 else 1 for d in full[len(full) - rank:]]
        shapes.append(shape)
    return shapes


def axis_of(rank):
    return rng.randint(-rank, rank - 1)


def some_axes(rank, low=0):
    axes = rng.sample(range(rank), rng.randint(low, rank))
    return [a if rng.random() < 0.5 else a - rank for a in axes]


def elementwise():
    for op in ["Abs", "Neg", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh",
               "Cosh", "Tanh", "Erf", "Sigmoid", "Softplus", "Softsign", "Relu", "LeakyRelu", "Elu", "HardSigmoid", "HardSwish",
               "Gelu", "QuickGelu", "Floor", "Ceil", "Round", "IsNaN", "IsInf", "Identity", "Softmax", "LogSoftmax"]:
        case(op, [t(sizes(size(1, 4)))])
    for op in ["Abs", "Neg", "Sign", "Relu", "Identity"]:
        case(op, [t(sizes(2), "int32")])
    case("Not", [t([3, 2], "bool")])
    for to in NAMES:
        case("Cast", [t(sizes(2))], {"to": code(to)})
    case("Clip", [t([2, 3]), k(0, "float32"), k(1, "float32")])
    case("Clip", [t([2, 3]), None, k(1, "float32")])
    for op in ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Equal", "Less", "LessOrEqual", "Greater",
               "GreaterOrEqual"]:
        for _ in range(3):
            a, b = broadcastable()
            case(op, [t(a), t(b)], {"fmod": 1} if op == "Mod" else {})
        a, b = broadcastable()
        case(op, [t(a, "int32"), k(np.ones(b), "int32")]) if op != "Sum" else None
        case(op, [t(sizes(2, 2)), t(sizes(2, 2))], {"fmod": 1} if op == "Mod" else {})
    case("Add", [t([2], "float32"), t([2], "int64")])
    case("Pow", [t([2, 1], "float32"), t([3], "int64")])
    for op in ["Min", "Max", "Sum"]:
        case(op, [t(s) for s in broadcastable(count=4)])
        case(op, [t(sizes(2))])
    for op in ["And", "Or", "Xor", "Equal"]:
        a, b = broadcastable()
        case(op, [t(a, "bool"), t(b, "bool")])
    for _ in range(4):
        c, x, y = broadcastable(count=3)
        case("Where", [t(c, "bool"), t(x), t(y)])
    case("PRelu", [t([2, 3, 4]), t([3, 1])])
    case("PRelu", [t([2, 3, 4]), t([3])])
    case("Dropout", [t([2, 3]), k(0.5, "float32"), k(False, "bool")])


def products():
    for _ in range(8):
        batch_a, batch_b = broadcastable(ranks=(0, 2))
        m, n, inner = sizes(3)
        case("MatMul", [t([*batch_a, m, inner]), t([*batch_b, inner, n])])
        case("FusedMatMul", [t([*batch_a, inner, m]), t([*batch_b, n, inner])], {"transA": 1, "transB": 1, "alpha": 0.5})
    for a, b in [([4], [4]), ([4], [4, 3]), ([2, 4], [4]), ([2, 3, 4], [4]), ([4], [2, 4, 3])]:
        case("MatMul", [t(a), t(b)])
    for _ in range(4):
        case("MatMul", [t(sizes(2, 2, 3)), t(sizes(2, 2, 3))])
        case("MatMul", [t(sizes(3, 1, 3)), t(sizes(3, 1, 3))])
    b1, b2, m, n, inner = 2, 3, 4, 5, 6
    case("FusedMatMul", [t([m, b1, b2, inner]), t([b1, b2, inner, n])], {"transBatchA": 1})
    case("FusedMatMul", [t([inner, b1, b2, m]), t([b1, b2, inner, n])], {"transBatchA": 1, "transA": 1})
    case("FusedMatMul", [t([b1, b2, m, inner]), t([inner, b1, b2, n])], {"transBatchB": 1})
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            m, n, inner = sizes(3, 2)
            a, b = ([inner, m] if trans_a else [m, inner]), ([n, inner] if trans_b else [inner, n])
            for bias in (None, [n], [m, 1], [1], [], [m, n], [n + 1]):
                case("Gemm", [t(a), t(b), *([] if bias is None else [t(bias)])], {"transA": trans_a, "transB": trans_b})
    for equation, shapes in [("bij,bjk->bik", [[2, 3, 4], [2, 4, 5]]), ("ij->ji", [[2, 3]]), ("ii->i", [[3, 3]]),
                             ("...ij,...jk->...ik", [[2, 5, 3, 4], [5, 4, 2]]), ("...ij,...jk->...ik", [[2, 5, 3, 4], [1, 5, 4, 2]]),
                             ("b...,b...->...", [[3, 2], [3, 2]]), ("bhqd,bhkd->bhqk", [[1, 2, 3, 4], [1, 2, 5, 4]]),
                             ("ij,jk", [[2, 3], [3, 4]]), ("bhwc,hkc->bhwk", [[2, 3, 4, 5], [3, 6, 5]]), ("i,j->ij", [[2], [3]]),
                             ("ij,jk->ik", [[2, 3], [4, 5]]), ("ij->", [[2, 3]]), ("ij,jk->ik", [[2, 3]])]:
        case("Einsum", [t(s) for s in shapes], {"equation": equation})


def reductions():
    for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
               "ReduceLogSumExp"]:
        for _ in range(3):
            rank = size(1, 4)
            case(op, [t(sizes(rank)), k(some_axes(rank))], {"keepdims": rng.randint(0, 1)})
        case(op, [t(sizes(3))], {"keepdims": 0})
        case(op, [t(sizes(3)), k([])], {"noop_with_empty_axes": 1}) if op != "ReduceLogSumExp" else None
    case("ReduceSum", [t([2, 3]), k([2])])
    for op in ["ArgMax", "ArgMin"]:
        for keep in (0, 1):
            case(op, [t(sizes(3))], {"axis": axis_of(3), "keepdims": keep})
    case("CumSum", [t([2, 3]), k(1)])
    case("CumSum", [t([2, 3]), k([0], "int32")])
    for _ in range(4):
        case("TopK", [t(sizes(3, 4)), k([size(0, 4)])], {"axis": axis_of(3)}, 2)
    case("TopK", [t([2, 3]), k([4])], {}, 2)
    for axis in (-1, 1, -2):
        shape = sizes(3)
        case("LayerNormalization", [t(shape), t(shape[axis:]), t(shape[axis:])], {"axis": axis}, 3)
    case("LayerNormalization", [t([2, 3, 4]), t([4])], {}, 1)
    case("LayerNormalization", [t([2, 3, 4]), t([5])], {}, 1)
    case("Softmax", [t([2, 3])], {"axis": 0})
    case("Softmax", [t([2, 3])], {"axis": 2})
    case("GroupNormalization", [t([2, 6, 4, 4]), t([6]), t([6])], {"num_groups": 3})
    case("GroupNormalization", [t([2, 6, 4, 4]), t([6]), t([6])], {"num_groups": 4})
    case("InstanceNormalization", [t([2, 6, 4, 4]), t([6]), t([6])])
    case("BatchNormalization", [t([2, 6, 4, 4]), t([6]), t([6]), t([6]), t([6])])
    case("BatchNormalization", [t([2, 6]), t([6]), t([6]), t([6]), t([6])])
    case("BatchNormalization", [t([2, 6, 4, 4]), t([5]), t([6]), t([6]), t([6])])


def window(rank, dilated=True):
    attributes = {}
    if rng.random() < 0.7:
        attributes["strides"] = sizes(rank, 1, 3)
    if dilated and rng.random() < 0.4:
        attributes["dilations"] = sizes(rank, 1, 2)
    if rng.random() < 0.6:
        attributes["pads"] = sizes(2 * rank, 0, 1)
    elif rng.random() < 0.5:
        attributes["auto_pad"] = rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        attributes.pop("dilations", None)
    return attributes


def windows():
    for _ in range(14):
        rank = rng.choice([1, 2, 2, 2])
        group, per = rng.choice([1, 1, 2]), size(1, 3)
        kernel = sizes(rank, 2, 4)
        out = group * size(1, 3)
        space = sizes(rank, 6, 12)
        bias = [t([out])] if rng.random() < 0.5 else []
        case("Conv", [t([size(), group * per, *space]), t([out, per, *kernel]), *bias], {"group": group, **window(rank)})
        attributes = window(rank)
        if rng.random() < 0.3:
            attributes["strides"] = [3] * rank
            attributes["output_padding"] = sizes(rank, 0, 2)
            attributes.pop("auto_pad", None)
        case("ConvTranspose", [t([2, group * per, *space]), t([group * per, size(1, 3), *kernel])], {"group": group, **attributes})
        for op in ("MaxPool", "AveragePool"):
            attributes = window(rank, op == "MaxPool")
            attributes["ceil_mode"] = rng.randint(0, 1) if "auto_pad" not in attributes else 0
            case(op, [t([2, 3, *space])], {"kernel_shape": kernel, **attributes}, 2 if op == "MaxPool" else 1)
    for dilations in ([1, 1], [2, 3]):
        for extra in ({}, {"ceil_mode": 1, "strides": [2, 2]}, {"pads": [1, 1, 2, 0]}):
            case("AveragePool", [t([1, 2, 9, 8])], {"kernel_shape": [3, 2], "dilations": dilations, **extra})
    for space in range(4, 12):
        for stride in (2, 3):
            case("MaxPool", [t([1, 1, space, 7])], {"kernel_shape": [2, 2], "strides": [stride, 3], "ceil_mode": 1, "pads": [1, 0, 1, 1]})
    case("Conv", [t([1, 3, 8, 8]), t([4, 2, 3, 3])])
    case("Conv", [t([1, 3, 2, 2]), t([4, 3, 3, 3])])
    case("ConvTranspose", [t([1, 3, 4, 4]), t([3, 2, 2, 2])], {"strides": [2, 2], "output_shape": [9, 8]})
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        case(op, [t([2, 3, 4, 5])])
    case("Col2Im", [t([2, 12, 9]), k([6, 6]), k([2, 2])], {"strides": [2, 2]})
    case("Col2Im", [t([2, 8, 30]), k([5, 6]), k([2, 2])], {"pads": [0, 0, 1, 1]})
    case("DeformConv", [t([1, 4, 8, 8]), t([6, 4, 3, 3]), t([1, 36, 8, 8])], {"pads": [1, 1, 1, 1], "offset_group": 2})
    case("DeformConv", [t([1, 4, 8, 8]), t([6, 2, 3, 3]), t([1, 18, 6, 6]), t([6]), t([1, 9, 6, 6])], {"group": 2})
    for _ in range(8):
        case("Resize", [t([1, 2, size(2, 9), size(2, 9)]), None, k([1, 1, rng.choice([0.5, 2, 1.3, 0.7]), rng.choice([0.25, 3, 1.7])], "float32")])
        case("Resize", [t([1, 2, size(2, 9), size(2, 9)]), None, None, k([size(2, 9), size(2, 9)])],
             {"axes": [2, 3], "mode": "linear", "keep_aspect_ratio_policy": rng.choice(["stretch", "not_larger", "not_smaller"])})
    case("Resize", [t([1, 2, 4, 4]), k([], "float32"), k([], "float32"), k([1, 2, 7, 5])], {"mode": "cubic"})
    case("GridSample", [t([2, 3, 5, 6]), t([2, 7, 8, 2])])
    case("GridSample", [t([2, 3, 5, 6]), t([1, 7, 8, 2])])
    case("DepthToSpace", [t([1, 12, 3, 2])], {"blocksize": 2})
    case("SpaceToDepth", [t([1, 3, 4, 6])], {"blocksize": 2})
    case("DepthToSpace", [t([1, 10, 3, 2])], {"blocksize": 2})


def movement():
    for shape, to in [([2, 3, 4], [6, -1]), ([2, 3, 4], [0, 12]), ([2, 3, 4], [0, -1, 2]), ([2, 3], [6]), ([1], []), ([], [1, 1]),
                      ([2, 3], [5]), ([2, 3], [4, -1]), ([2, 3], [-1, -1]), ([0, 3], [3, 0])]:
        case("Reshape", [t(shape), k(to)], {"allowzero": 1} if to == [3, 0] else {})
    for axis in (0, 1, 2, 3, -1, -3):
        case("Flatten", [t([2, 3, 4])], {"axis": axis})
    case("Squeeze", [t([1, 3, 1])])
    case("Squeeze", [t([1, 3, 1]), k([-1])])
    case("Squeeze", [t([1, 3, 1]), k([1])])
    for axes in ([0], [-1], [0, 2], [1, -1]):
        case("Unsqueeze", [t([2, 3]), k(axes)])
    case("Transpose", [t([2, 3, 4])])
    case("Transpose", [t([2, 3, 4])], {"perm": [2, 0, 1]})
    case("Transpose", [t([2, 3, 4])], {"perm": [2, 0, 0]})
    for _ in range(5):
        rank = size(1, 3)
        shape, axis = sizes(rank), axis_of(rank)
        parts = [[*shape] for _ in range(size(1, 4))]
        for p in parts:
            p[axis] = size()
        case("Concat", [t(p) for p in parts], {"axis": axis})
    case("Concat", [t([2, 3]), t([3, 3])], {"axis": 1})
    case("Split", [t([5, 4]), k([2, 3])], {"axis": 0}, 2)
    case("Split", [t([5, 4])], {"axis": 0, "num_outputs": 2}, 2)
    case("Split", [t([5, 9])], {"axis": -1, "num_outputs": 3}, 3)
    case("Split", [t([7, 2])], {"axis": 0, "num_outputs": 3}, 3)
    case("Split", [t([5, 4]), k([2, 2])], {"axis": 0}, 2)
    big = 2**62  # a float64, as JSON keeps it
    for _ in range(25):
        rank = size(1, 3)
        axes = some_axes(rank, 1)
        bound = lambda: rng.choice([rng.randint(-9, 9), rng.randint(-9, 9), big, -big])
        case("Slice", [t(sizes(rank)), k([bound() for _ in axes]), k([bound() for _ in axes]), k(axes),
                       k([rng.choice([1, 1, 2, 3, -1, -2]) for _ in axes])])
    case("Slice", [t([4, 5]), k([1]), k([3])])
    case("Pad", [t([2, 3]), k([1, 0, 0, 2])])
    case("Pad", [t([2, 3]), k([0, -1, 0, -1])])
    case("Pad", [t([2, 3, 4]), k([1, 2]), None, k([-1])], {"mode": "edge"})
    case("Pad", [t([2, 3]), k([1, 2])])
    for _ in range(5):
        a, b = broadcastable()
        case("Expand", [t(a), k(b)])
    case("Expand", [t([2, 3]), k([2, 4])])
    case("Tile", [t([2, 3]), k([3, 2])])
    case("Tile", [t([2, 3]), k([3])])
    case("Trilu", [t([2, 3, 4]), k(1)], {"upper": 0})
    for _ in range(6):
        rank = size(1, 3)
        case("Gather", [t(sizes(rank)), t(sizes(size(0, 2)), rng.choice(["int64", "int32"]))], {"axis": axis_of(rank)})
    case("Gather", [t([2]), t([2], "float32")])
    case("GatherElements", [t([3, 4]), t([2, 4], "int64")], {"axis": 0})
    case("GatherND", [t([3, 4, 5]), t([2, 2], "int64")])
    case("GatherND", [t([2, 4, 5]), t([2, 3, 1], "int64")], {"batch_dims": 1})
    case("ScatterElements", [t([3, 4]), t([1, 4], "int64"), t([1, 4])], {"axis": 0})
    case("ScatterElements", [t([3, 4]), t([1, 4], "int64"), t([2, 4])], {"axis": 0})
    case("ScatterND", [t([3, 4, 5]), t([2, 1], "int64"), t([2, 4, 5])], {"reduction": "add"})
    case("ScatterND", [t([3, 4, 5]), t([2, 1], "int64"), t([2, 4])])
    for axis in (-1, 0, 1):
        case("OneHot", [t([2, 3], "int64"), k([7]), k([0, 1], "float32")], {"axis": axis})
    case("EyeLike", [t([3, 4])], {"dtype": 7})
    case("EyeLike", [t([3, 4])])
    case("Range", [k(2), k(11), k(3)])
    case("Range", [k(0.5, "float32"), k(2, "float32"), k(0.25, "float32")])
    case("Range", [k(5), k(-2), k(-2)])
    case("Range", [k(5), k(2), k(1)])
    for attributes in ({}, {"start": 1}, {"start": -2}, {"end": -1}, {"start": 1, "end": 2}):
        case("Shape", [t([2, 3, 4])], attributes)
    case("Size", [t([2, 3, 4])])
    case("ConstantOfShape", [k([2, 3])])
    case("ConstantOfShape", [k([4])], {"value": 1, "to": 7})


def integers():
    for dtype in ("uint8", "int8"):
        case("QuantizeLinear", [t([2, 3]), k(0.1, "float32"), k(3, dtype)])
        case("QuantizeLinear", [t([2, 3]), k([0.1] * 3, "float32"), k([3] * 3, dtype)], {"axis": 1})
        case("DequantizeLinear", [t([2, 3], dtype), k(0.1, "float32")])
        case("DequantizeLinear", [t([2, 3], dtype), k([0.1] * 2, "float32"), k([1] * 2, dtype)], {"axis": 0})
        case("MatMulInteger", [t([2, 3, 4], "uint8"), t([4, 5], dtype), k(1, "uint8"), k(1, dtype)])
    case("QuantizeLinear", [t([2, 3]), k(0.1, "float32")])
    case("QuantizeLinear", [t([2, 3]), k([0.1] * 2, "float32"), k([3] * 2, "uint8")], {"axis": 1})
    case("DynamicQuantizeLinear", [t([2, 3])], {}, 3)
    case("DynamicQuantizeMatMul", [t([2, 3, 4]), k(np.ones([4, 5]), "uint8"), k(0.1, "float32"), k(1, "uint8")])
    case("MatMulNBits", [t([2, 3, 64]), k(np.ones([8, 2, 16]), "uint8"), k(np.ones(16), "float32")], {"K": 64, "N": 8, "block_size": 32, "bits": 4})
    case("MatMulNBits", [t([2, 40]), k(np.ones([3, 2, 16]), "uint8"), k(np.ones(6), "float32")], {"K": 40, "N": 3, "block_size": 32, "bits": 4})


def fused():
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 7, 8]), t([2, 7, 12])], {"num_heads": 4})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 5, 8]), t([2, 5, 8]), t([24])], {"num_heads": 2})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 5, 8]), t([2, 5, 8]), None, None, t([1, 2, 5, 5])], {"num_heads": 2})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 2, 7, 4]), t([2, 2, 7, 4])], {"num_heads": 2})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 7, 6]), t([2, 7, 8])], {"num_heads": 2})
    case("SkipLayerNormalization", [t([2, 5, 8]), t([2, 5, 8]), t([8]), t([8])])
    case("SkipLayerNormalization", [t([2, 5, 8]), t([1, 5, 8]), t([8]), t([8]), t([8])])
    case("SkipLayerNormalization", [t([2, 5, 8]), t([5, 8]), t([8])])
    case("SkipLayerNormalization", [t([2, 5, 8]), t([2, 5, 8]), t([7])])


def refusals():
    case("CumSum", [t([2, 3]), k(2)])
    case("MaxPool", [t([1, 1, 4, 4], "int32")], {"kernel_shape": [2, 2]}, 2)
    case("Split", [t([2])], {"num_outputs": 3}, 3)
    case("Split", [t([5])], {"num_outputs": 4}, 4)
    case("FusedMatMul", [t([2, 3, 4, 6]), t([6, 3, 5])], {"transBatchB": 1})
    case("GatherElements", [t([3, 4]), t([2, 5], "int64")], {"axis": 0})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 7, 8]), t([2, 7, 11])], {"num_heads": 4})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 5, 8]), t([2, 5, 8]), None, None, t([1, 2, 5, 6])], {"num_heads": 2})
    case("MultiHeadAttention", [t([2, 5, 8]), t([2, 2, 7, 4]), t([2, 1, 7, 4])], {"num_heads": 2})
    case("MultiHeadAttention", [t([2, 5, 8]), t([3, 5, 8]), t([3, 5, 8])], {"num_heads": 2})
    for bad in ([t([2, 5]), t([2, 5]), t([4])], [t([2, 5, 8]), t([2, 4, 8]), t([8])]):
        case("SkipLayerNormalization", bad)
    case("DequantizeLinear", [t([2, 3], "uint8"), k(0.1, "float32"), k(0, "int8")])
    case("MatMulInteger", [t([2, 3]), t([3, 2], "uint8")])
    case("Where", [t([2]), t([2]), t([2])])
    case("And", [t([2]), t([2])])
    case("Unsqueeze", [t([2, 3]), k([4])])
    case("OneHot", [t([2, 3], "int64"), k([7]), k([0, 1, 2], "float32")])
    case("TopK", [t([2, 3]), k([1, 1])], {}, 2)
    case("InstanceNormalization", [t([2, 6, 4]), t([5]), t([6])])
    case("Resize", [t([1, 1, 2, 2])])
    case("Flatten", [t([2, 3])], {"axis": 3})
    case("Reshape", [t([2, 3]), k([-2, 3])])
    case("Expand", [t([2, 3]), k([-1, 3])])
    case("GatherND", [t([3, 4]), t([2, 3], "int64")])
    case("Range", [k(0), k(3), k(0)])
    case("EyeLike", [t([3])])


def recurrent():
    for op, gates, outputs in (("RNN", 1, 2), ("GRU", 3, 2), ("LSTM", 4, 3)):
        for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            w, r, b, h = t([d, gates * 3, 4]), t([d, gates * 3, 3]), t([d, gates * 6]), t([d, 2, 3])
            attributes = {"hidden_size": 3, "direction": direction}
            case(op, [t([5, 2, 4]), w, r], attributes, outputs)
            case(op, [t([5, 2, 4]), w, r, b, k([5, 3], "int32"), h, *([h] if op == "LSTM" else [])], attributes, outputs)
        w, r = t([1, gates * 3, 4]), t([1, gates * 3, 3])
        for bad in ([t([5, 2, 6]), w, r], [t([5, 4]), w, r], [t([5, 2, 4]), w, r, t([1, gates * 3])],
                    [t([5, 2, 4]), w, r, None, k([5], "int32")], [t([5, 2, 4]), w, r, None, None, t([2, 2, 3])]):
            case(op, bad, {"hidden_size": 3}, outputs)
    case("LSTM", [t([5, 2, 4]), t([1, 12, 4]), t([1, 12, 3]), None, None, None, None, t([1, 9])], {"hidden_size": 3}, 3)


for group in (elementwise, products, reductions, windows, movement, integers, fused, refusals, recurrent):
    group()
refused = [c for c in cases if c["outputs"] is None]
for c in refused:
    print(c["op"], [s and s["shape"] for s in c["inputs"]], c["attributes"], "→", c["by"][:150].replace("\n", " "))
for c in cases:
    if c["by"] == "onnx":
        print("onnx.shape_inference:", c["op"])
    del c["by"]
path = Path(__file__).parent.parent / "tests/graph/golden/shape-cases.json"
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", len(refused), "refused,", len({c["op"] for c in cases}), "operators,", path.stat().st_size, "bytes")
