/** ONNX's own operator test cases, where a folder of them is given (tools/onnx-node-tests.py makes one). */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sharedPath } from "../shared.ts";
import { readCase, runCase } from "./node-case.ts";

const folder = process.env["ONNX_NODE_TESTS"] ?? sharedPath("onnx-node-tests");

test.skipIf(!existsSync(folder))("ONNX's test cases of the operators of the union pass", async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const counts: Record<string, number> = {};
  const reasons: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const data = readCase(`${folder}/${name}`);
    const { status, reason } = data
      ? await runCase(runtime, data)
      : { status: "unsupported" as const, reason: "element types outside vitrine's" };
    counts[status] = (counts[status] ?? 0) + 1;
    if (status !== "passed") reasons.push(`${status} ${name}: ${reason}`);
  }
  const report = process.env["ONNX_NODE_TESTS_REPORT"];
  if (report) writeFileSync(report, `${JSON.stringify(counts)}\n${reasons.join("\n")}\n`);
  expect(counts["passed"]).toBeGreaterThan(0);
});
