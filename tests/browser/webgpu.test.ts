import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { largestGap } from "./gaps.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";
import { leftToProcessor } from "./placement.ts";
import type { Places } from "./webgpu-page.ts";
import { forward, type Training, train } from "./webgpu-work.ts";

/** Compiling the shaders for a software adapter takes most of it. */
const patience = { timeout: 400_000 };

describe.skipIf(!hasChromium)("on WebGPU, a Vision Transformer", () => {
  let open: OpenPage;
  let processor: Awaited<ReturnType<typeof nodeRuntime>>;
  beforeAll(async () => {
    processor = await nodeRuntime({ threads: 1 });
    open = await openPage(new URL("webgpu-page.ts", import.meta.url));
  });
  afterAll(() => open.close());

  test("answers as on the processor", patience, async () => {
    const got = await callCheck<readonly number[]>(open.page, "forward");
    expect(largestGap(got, await forward(processor))).toBeLessThan(1e-4);
    // The size of a batch is a whole number of 64 bits, and those stay outside.
    expect(leftToProcessor(open.log)).toEqual(["Concat"]);
  });

  test("learns as on the processor, its parameters and moments staying on the device", patience, async () => {
    const earlier = open.log.length;
    const got = await callCheck<Training & { readonly runs: readonly Places[] }>(open.page, "train");
    const want = await train(processor);
    expect(largestGap(got.losses, want.losses)).toBeLessThan(1e-5);
    got.gradientNorms.forEach((norm, i) => {
      expect(norm / want.gradientNorms[i]!).toBeCloseTo(1, 5);
    });
    expect(Object.keys(got.state)).toEqual(Object.keys(want.state));
    // A step moves a parameter by 1e-3 at most, whatever the size of its gradient: where that is almost zero, its sign is chance.
    for (const [name, values] of Object.entries(want.state))
      expect(largestGap(got.state[name]!, values), name).toBeLessThan(1e-4);

    const [first, ...later] = got.runs;
    expect(first!.leftOnDevice).toBe(Object.keys(want.state).length);
    expect(later).toHaveLength(2);
    for (const run of later)
      expect(run).toEqual({
        fedOnDevice: first!.leftOnDevice,
        fedFromHost: ["images", "targets", "learning_rate", "moment_scale", "epsilon"],
        leftOnDevice: first!.leftOnDevice,
        downloaded: ["loss", "accuracy", "gradientNorm"],
      });
    // [b, labels] numbers of the loss and of the accuracy; the other operators have kernels for the device.
    expect(leftToProcessor(open.log.slice(earlier))).toEqual(["Equal", "LogSoftmax"]);
  });
});
