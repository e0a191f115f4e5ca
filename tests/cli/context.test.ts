import { InferenceSession } from "onnxruntime-node";
import { afterEach, expect, test, vi } from "vitest";
import { openRuntime } from "../../src/cli/context.ts";
import { inputValue, makeNode } from "../../src/graph/graph.ts";
import { encodeModel } from "../../src/onnx/encode.ts";

const x = inputValue("x", "float32", [2]);
const graph = { inputs: [x], outputs: new Map([["y", makeNode("Neg", [x], {}, "").outputs[0]!]]), updates: new Map() };

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  ["threads sleep between operators unless they are asked to spin", { threads: 2, spin: false }, "0"],
  ["--spin keeps them awake", { threads: 2, spin: true }, "1"],
])("%s: so the engine is told", async (_, options, spinning) => {
  const create = vi.spyOn(InferenceSession, "create");
  const runtime = await openRuntime({ device: "cpu", ...options });
  const session = await runtime.createSession(encodeModel(graph));
  expect(create.mock.calls).toHaveLength(1);
  expect(create.mock.calls[0]![1]).toMatchObject({
    intraOpNumThreads: 2,
    extra: { session: { intra_op: { allow_spinning: spinning } } },
  });
  await session.dispose();
});
