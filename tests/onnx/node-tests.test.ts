/** ONNX's own operator test cases, where a folder of them is given (tools/onnx-node-tests.py makes one). */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isOpName } from "../../src/graph/ops.ts";
import { importRules } from "../../src/onnx/import-rules.ts";
import { readModel } from "../../src/onnx/read-messages.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { sharedPath } from "../shared.ts";
import { type CaseResult, readCase, runCase } from "./node-case.ts";

const folder = process.env.ONNX_NODE_TESTS ?? sharedPath("onnx-node-tests");

interface Expectation {
  readonly why: string;
  /** Names of the cases, without `test_`. */
  readonly cases: RegExp;
  /** What is said of them. */
  readonly reason: RegExp;
}

/** Every case of an operator of the union that does not pass; a case that is not here must pass, and one that is here must not. */
const exceptions: Readonly<Record<"refused" | "engine" | "different", readonly Expectation[]>> = {
  refused: [
    {
      why: "numbers of 8 bits and fewer that JavaScript has no arrays for",
      cases:
        /^(cast|castlike)_.*(FLOAT8E\w+|FLOAT4E2M1|INT2|INT4)|^(de)?quantizelinear_(e4m3fn|e5m2|float4e2m1|u?int[24])/,
      reason: /element types outside/,
    },
    { why: "texts", cases: /^equal_string(_broadcast)?$/, reason: /element types outside/ },
    { why: "files of operator set 1", cases: /^not_[234]d$/, reason: /operator set 7 and later/ },
    {
      why: "scales of blocks along an axis",
      cases: /^(dequantizelinear_blocked|quantizelinear_blocked_(a?symmetric))$/,
      reason: /attribute block_size/,
    },
    {
      why: "quantised numbers of 16 bits",
      cases: /^(de)?quantizelinear_u?int16$/,
      reason: /must be int8/,
    },
    {
      why: "a length that follows from half floats",
      cases: /^range_b?float16_type_positive_delta$/,
      reason: /start must be known/,
    },
    {
      why: "which elements are dropped is the engine's own random choice, so that nothing can be said of the mask",
      cases: /^training_dropout(_default|_zero_ratio)?_mask$/,
      reason: /mask of a training Dropout/,
    },
  ],
  engine: [
    {
      why: "the engine's CPU has few kernels for bfloat16",
      cases: /BFLOAT16|_bf16_|bfloat16/,
      reason: /Unsupported data type: 16|tensor\(bfloat16\)|Could not find an implementation for/,
    },
    {
      why: "and for some integers",
      cases: /^((max|min)_u?int16|clip_default_int8_(max|min)_expanded|pow_types_float32_uint(32|64)|top_k_uint64)$/,
      reason: /Could not find an implementation for/,
    },
    { why: "no IsInf of half floats", cases: /^isinf_float16$/, reason: /tensor\(float16\)/ },
    {
      why: "its Mod of floats is C's fmod only",
      cases: /^mod_float(16|32|64)_mixed_sign_fmod_0$|^mod_float_edge_cases_fmod_0_float(16|32|64)$/,
      reason: /fmod attribute must be true/,
    },
  ],
  different: [
    {
      why: "the engine's own list of exceptions has them, too",
      cases: /^resize_downsample_scales_(cubic|linear)_align_corners$/,
      reason: /instead of/,
    },
    { why: "random numbers", cases: /^training_dropout(_default)?$/, reason: /instead of/ },
  ],
};

type Outcome = "passed" | keyof typeof exceptions;

const outcomes: Readonly<Record<CaseResult["status"], Outcome>> = {
  passed: "passed",
  unsupported: "refused",
  untraceable: "refused",
  engine: "engine",
  wrong: "different",
};

/** True where every node of the case is an operator that vitrine has or reads as others. */
function isOfTheUnion(name: string): boolean {
  const { graph } = readModel(readFileSync(`${folder}/${name}/model.onnx`), name);
  return graph.nodes.every(({ domain, op }) => domain === "" && (isOpName(op) || Object.hasOwn(importRules, op)));
}

test.skipIf(!existsSync(folder))("ONNX's test cases of the operators of the union pass", async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const counts: Record<Outcome, number> = { passed: 0, refused: 0, engine: 0, different: 0 };
  const exceptional: string[] = [];
  const surprises: string[] = [];
  const met = new Set<Expectation>();
  for (const name of readdirSync(folder).sort()) {
    if (!isOfTheUnion(name)) continue;
    const data = readCase(`${folder}/${name}`);
    const { status, reason } = data
      ? await runCase(runtime, data)
      : { status: "unsupported" as const, reason: "element types outside vitrine's" };
    const outcome = outcomes[status];
    counts[outcome] += 1;
    if (outcome !== "passed") exceptional.push(`${outcome} ${name}: ${reason}`);
    const known = Object.entries(exceptions).flatMap(([expected, list]) =>
      list.filter(({ cases }) => cases.test(name.replace(/^test_/, ""))).map((each) => ({ expected, each })),
    );
    for (const { each } of known) met.add(each);
    if (
      outcome === "passed"
        ? known.length === 0
        : known.some((k) => k.expected === outcome && k.each.reason.test(reason))
    )
      continue;
    surprises.push(`${outcome} ${name}: ${reason}`);
  }
  for (const list of Object.values(exceptions))
    for (const each of list) if (!met.has(each)) surprises.push(`no case is met by: ${each.why}`);
  const report = process.env.ONNX_NODE_TESTS_REPORT;
  if (report) writeFileSync(report, `${JSON.stringify(counts)}\n${exceptional.join("\n")}\n`);
  expect(surprises).toEqual([]);
  expect(counts.passed).toBeGreaterThan(1100);
});
