import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { verifySummary, verifyTable } from "../../src/tasks/verify/table.ts";
import { type GoldenFile, parseGolden, verifyGolden } from "../../src/tasks/verify.ts";
import { hasShared, sharedPath } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

const committed = fileURLToPath(new URL("golden", import.meta.url));
const read = (path: string): GoldenFile => parseGolden(readFileSync(path), path);
const ownCases = existsSync(committed) ? readdirSync(committed).filter((name) => name.endsWith(".safetensors")) : [];
const sharedCases = hasShared
  ? readdirSync(sharedPath("goldens")).filter((name) => /^(vit|deit)-/.test(name))
  : ["the shared golden files are absent"];

async function expectAllEqual(golden: GoldenFile): Promise<void> {
  const rows = await verifyGolden(golden, runtime);
  const { outputs, taps, grads, inputGrads } = golden;
  const expected = outputs.size + taps.size + grads.size + inputGrads.size + (golden.lossValue ? 1 : 0);
  expect(rows.length).toBe(expected);
  expect(rows.filter(({ ok }) => !ok).map(({ name, excess, problem }) => ({ name, excess, problem }))).toEqual([]);
}

test.each(ownCases)("values, taps and gradients of %s equal the reference's", async (name) => {
  await expectAllEqual(read(`${committed}/${name}`));
});

test.skipIf(!hasShared).each(sharedCases)("values, taps and gradients of %s equal the reference's", async (name) => {
  await expectAllEqual(read(sharedPath("goldens", name)));
});
