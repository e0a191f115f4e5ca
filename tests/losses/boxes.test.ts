import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import {
  boxArea,
  boxIou,
  centresOfCorners,
  cocoOfCorners,
  cornersOfCentres,
  generalizedBoxIou,
} from "../../src/losses/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sum, tensor, unsqueeze } from "../../src/tensor/index.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

test.skipIf(!hasShared)("overlaps, conversions and their gradients equal torchvision's", async () => {
  const golden = readGolden("ops-boxes");
  const inputs = { a: goldenTensor(golden, "input.a"), b: goldenTensor(golden, "input.b") };
  await using run = await compile(
    ({ a, b }) => {
      const [rows, columns] = [unsqueeze(a, 1), unsqueeze(b, 0)];
      const outputs = {
        iou: boxIou(rows, columns),
        giou: generalizedBoxIou(rows, columns),
        a_cxcywh: centresOfCorners(a),
        a_xywh: cocoOfCorners(a),
      };
      const loss = Object.entries(outputs)
        .map(([name, output]) => sum(output.mul(tensor(goldenTensor(golden, `cotangent.${name}`)))))
        .reduce((total, part) => total.add(part));
      const [toA, toB] = grad(loss, [a, b]);
      const named = Object.entries(outputs).map(([name, output]) => [`output.${name}`, output] as const);
      return { ...Object.fromEntries(named), loss, "grad.input.a": toA!, "grad.input.b": toB! };
    },
    { a: inputs.a.shape, b: inputs.b.shape },
    { runtime },
  );
  const results = await run.run(inputs);
  for (const [name, got] of Object.entries(results))
    expectClose(got, goldenTensor(golden, name), golden.tolerance, name);
  expect(Object.keys(results).length).toBe(7);
});

test("corners and centres are each other's inverse, and areas of single boxes are theirs", async () => {
  await using run = await compile(
    ({ centres }) => {
      const corners = cornersOfCentres(centres);
      return { corners, back: centresOfCorners(corners), area: boxArea(corners) };
    },
    { centres: ["n", 4] },
    { runtime },
  );
  const centres = ndarray("float32", [2, 4], [3, 4, 2, 6, 0.5, 0.5, 1, 0.25]);
  const { corners, back, area } = await run.run({ centres });
  expect([...(corners!.data as Float32Array)]).toEqual([2, 1, 4, 7, 0, 0.375, 1, 0.625]);
  expect(back).toEqual(centres);
  expect([...(area!.data as Float32Array)]).toEqual([12, 0.25]);
});
