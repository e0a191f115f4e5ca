import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { largestGap } from "./gaps.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";
import { leftToProcessor } from "./placement.ts";
import { compute, type Faulty, faulty } from "./webgpu-faults-work.ts";

/** Compiling the shaders for a software adapter takes most of it. */
const patience = { timeout: 400_000 };

/** What the engine leaves to the processor in each case. */
const left: Readonly<Record<Faulty, readonly string[]>> = {
  "places of the largest elements": ["MaxPool", "Reshape"],
  "transposed convolutions over three axes": ["ConvTranspose"],
  "convolutions of channels that three divide and four do not": [],
  "kernels' gradients for batches that three divide and four do not": [],
  "convolutions over three axes in groups": ["Conv"],
  "every second element backwards": ["Slice"],
  "products over axes without names": ["Einsum"],
  "statistics of a batch": ["BatchNormalization"],
  "images that shrink without aliasing": ["Resize"],
};

describe.skipIf(!hasChromium)("on WebGPU, what the engine's kernels compute wrongly is computed rightly", () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage(new URL("webgpu-faults-page.ts", import.meta.url));
  });
  afterAll(() => open.close());

  test("a convolutional stem has its reference's values and gradients", patience, async () => {
    const file = fileURLToPath(new URL("../tasks/golden/vit-conv-stem.safetensors", import.meta.url));
    expect(await callCheck(open.page, "verify", `/disk${file}`)).toEqual([]);
  });

  test.each(faulty)("%s", patience, async (name) => {
    const earlier = open.log.length;
    const got = await callCheck<readonly (readonly number[])[]>(open.page, "compute", name);
    const want = await compute(await nodeRuntime({ threads: 1 }), name);
    expect(got).toHaveLength(want.length);
    for (const [i, values] of want.entries()) expect(largestGap(got[i]!, values)).toBeLessThan(1e-5);
    expect(leftToProcessor(open.log.slice(earlier))).toEqual(left[name]);
  });
});
