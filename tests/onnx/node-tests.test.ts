/** ONNX's own operator test cases, where a folder of them is given (tools/onnx-node-tests.py makes one). */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sharedPath } from "../shared.ts";
import { readCase, runCase } from "./node-case.ts";

const folder = process.env.ONNX_NODE_TESTS ?? sharedPath("onnx-node-tests");

/** What the engine's CPU cannot do, by its own words. */
const engineLimits = [
  /Unsupported data type: 16|tensor\(bfloat16\)/,
  /Could not find an implementation for/,
  /Type 'tensor\(float16\)' of input parameter \(x\) of operator \(IsInf\)/,
  /fmod attribute must be true for floating point types/,
];

/** Cases whose results are known to differ: the engine's own list of exceptions, and random numbers. */
const knownDifferent = [
  "test_resize_downsample_scales_cubic_align_corners",
  "test_resize_downsample_scales_linear_align_corners",
  "test_training_dropout",
  "test_training_dropout_default",
];

test.skipIf(!existsSync(folder))("ONNX's test cases of the operators of the union pass", async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const counts: Record<string, number> = {};
  const reasons: string[] = [];
  const surprises: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const data = readCase(`${folder}/${name}`);
    const { status, reason } = data
      ? await runCase(runtime, data)
      : { status: "unsupported" as const, reason: "element types outside vitrine's" };
    counts[status] = (counts[status] ?? 0) + 1;
    if (status !== "passed") reasons.push(`${status} ${name}: ${reason}`);
    if (status === "wrong" && !knownDifferent.includes(name)) surprises.push(`${name}: ${reason}`);
    if (status === "engine" && !engineLimits.some((limit) => limit.test(reason))) surprises.push(`${name}: ${reason}`);
  }
  const report = process.env.ONNX_NODE_TESTS_REPORT;
  if (report) writeFileSync(report, `${JSON.stringify(counts)}\n${reasons.join("\n")}\n`);
  expect(surprises).toEqual([]);
  expect(counts.passed).toBeGreaterThan(900);
});
