import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { parseGolden, verifyGolden } from "../../src/tasks/verify.ts";
import { hasShared, sharedPath } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });
const cases = hasShared
  ? readdirSync(sharedPath("goldens")).filter((name) => /^(resnet|swin|swinv2|tnt|mae)-/.test(name))
  : ["the shared golden files are absent"];

test.skipIf(!hasShared).each(cases)(
  "values, taps, statistics and gradients of %s equal the reference's",
  async (name) => {
    const golden = parseGolden(readFileSync(sharedPath("goldens", name)), name);
    const rows = await verifyGolden(golden, runtime);
    const { outputs, taps, grads, inputGrads } = golden;
    expect(rows.length).toBe(outputs.size + taps.size + grads.size + inputGrads.size + 1);
    expect(rows.filter(({ ok }) => !ok).map(({ name, excess, problem }) => ({ name, excess, problem }))).toEqual([]);
  },
);
