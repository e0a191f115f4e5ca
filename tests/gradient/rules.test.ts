import { expect, test } from "vitest";
import { rules } from "../../src/gradient/rules.ts";
import { isOpName } from "../../src/graph/ops.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectGradients, useText } from "./check.ts";
import { uses } from "./uses.ts";

const runtime = await nodeRuntime({ threads: 1 });

test.each(uses.map((use) => ({ name: useText(use), use })))("the gradient is the slope: $name", async ({ use }) => {
  await expectGradients(runtime, use);
});

test("every operator with a chain rule is compared with slopes", () => {
  const covered = new Set<string>(uses.map(({ op }) => op));
  const open = Object.keys(rules).filter((op) => isOpName(op) && "chain" in rules[op] && !covered.has(op));
  expect(open).toEqual([]);
});
