import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { largestGap } from "./gaps.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";
import { exported, forward, gradients, type Hierarchical, hierarchical } from "./hierarchical-work.ts";
import { leftToProcessor } from "./placement.ts";

/** Compiling the shaders for a software adapter takes most of it. */
const patience = { timeout: 400_000 };

/** What WebGPU leaves to the processor: the size of a free batch in a shape, which is a whole number of 64 bits. */
const left: Readonly<Record<Hierarchical, readonly string[]>> = {
  swin: [],
  "swin-v2": [],
  "swin-filled": [],
  tnt: ["Concat"],
};

describe.skipIf(!hasChromium)("in a browser, hierarchical transformers", () => {
  let open: OpenPage;
  let processor: Runtime;
  beforeAll(async () => {
    processor = await nodeRuntime({ threads: 1 });
    open = await openPage(new URL("hierarchical-page.ts", import.meta.url));
  });
  afterAll(() => open.close());

  test.each(hierarchical)("%s answers on WebAssembly as in Node", async (name) => {
    const got = await callCheck<readonly number[]>(open.page, "forward", "wasm", name);
    expect(largestGap(got, await forward(processor, name))).toBeLessThan(1e-5);
  });

  test.each(hierarchical)("%s answers on WebGPU as in Node", patience, async (name) => {
    const earlier = open.log.length;
    const got = await callCheck<readonly number[]>(open.page, "forward", "webgpu", name);
    expect(largestGap(got, await forward(processor, name))).toBeLessThan(1e-5);
    expect(leftToProcessor(open.log.slice(earlier))).toEqual(left[name]);
  });

  test.each([
    ["swin", "wasm"],
    ["swin", "webgpu"],
    ["tnt", "wasm"],
    ["tnt", "webgpu"],
  ] as const)("%s answers as in Node from its exported file on %s", patience, async (name, device) => {
    const earlier = open.log.length;
    const file = Buffer.from(await exported(processor, name)).toString("base64");
    const got = await callCheck<readonly number[]>(open.page, "answer", device, file);
    expect(largestGap(got, await forward(processor, name))).toBeLessThan(1e-5);
    if (device === "webgpu") expect(leftToProcessor(open.log.slice(earlier))).toEqual(left[name]);
  });

  test.each(["swin", "tnt"] as const)("%s has the same gradients on WebGPU as in Node", patience, async (name) => {
    const earlier = open.log.length;
    const got = await callCheck<Readonly<Record<string, readonly number[]>>>(open.page, "gradients", "webgpu", name);
    const want = await gradients(processor, name);
    expect(Object.keys(got)).toEqual(Object.keys(want));
    for (const [path, values] of Object.entries(want)) expect(largestGap(got[path]!, values), path).toBeLessThan(1e-5);
    expect(leftToProcessor(open.log.slice(earlier))).toEqual(["LogSoftmax"]);
  });
});
