"""Writes the operator test cases of the installed onnx package: FOLDER/<case>/model.onnx, test_data_set_0/{input,output}_<n>.pb.

usage: python tools/onnx-node-tests.py FOLDER
Then: ONNX_NODE_TESTS=FOLDER npx vitest run tests/onnx/node-tests.test.ts
"""

import json
import pathlib
import sys

import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

folder = pathlib.Path(sys.argv[1])
for case in collect_testcases(None):
    inputs, outputs = case.data_sets[0]
    try:
        tensors = {
            f"{kind}_{i}.pb": array if isinstance(array, TensorProto) else numpy_helper.from_array(array, info.name)
            for kind, arrays, infos in (
                ("input", inputs, case.model.graph.input),
                ("output", outputs, case.model.graph.output),
            )
            for i, (array, info) in enumerate(zip(arrays, infos))
        }
    except Exception:  # sequences, maps, optionals
        continue
    data = folder / case.name / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (folder / case.name / "model.onnx").write_bytes(case.model.SerializeToString())
    (folder / case.name / "tolerance.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))
    for name, tensor in tensors.items():
        (data / name).write_bytes(tensor.SerializeToString())
