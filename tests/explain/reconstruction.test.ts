import { expect, test } from "vitest";
import type { Image } from "../../src/data/image.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { rasterize } from "../../src/explain/picture.ts";
import { drawReconstruction, reconstruct } from "../../src/explain/reconstruction.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";

const runtime = await nodeRuntime({ threads: 1 });
const stats = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] };
const preprocessing = preprocessingFromTimm(
  { input_size: [3, 16, 24], interpolation: "bilinear", crop_pct: 1, crop_mode: "squash", ...stats },
  "test",
);
const noise: Image = {
  ...{ width: 24, height: 16, channels: 3 },
  data: Uint8Array.from({ length: 24 * 16 * 3 }, (_, i) => (Math.imul(i + 7, 2654435761) >>> 24) & 255),
};
const sizes = { imageSize: [16, 24], patchSize: 8, width: 8, depth: 1, heads: 1, maskRatio: 0.5 } as const;
const modelOf = (normalizePixels: boolean): MAE =>
  new MAE({ ...sizes, decoderWidth: 4, decoderDepth: 1, decoderHeads: 1, normalizePixels }).initialize(1);

/** The bytes of a patch. */
function patchOf({ data, width }: Image, patch: number): readonly number[] {
  const [top, left] = [Math.floor(patch / 3) * 8, (patch % 3) * 8];
  return Array.from({ length: 8 }, (_, y) => {
    const start = 3 * ((top + y) * width + left);
    return [...data.subarray(start, start + 24)];
  }).flat();
}

test.each([true, false])(
  "patches that were shown stay, and hidden pixels change nothing of what is painted: normalised %s",
  async (normalised) => {
    const model = modelOf(normalised);
    const request = { model, preprocessing, runtime, seed: 2 };
    const first = await reconstruct({ ...request, image: noise });
    expect(first.hidden.filter(Boolean)).toHaveLength(3);
    expect(first.grid).toEqual({ rows: 2, cols: 3 });
    const data = noise.data.slice();
    for (const [patch, isHidden] of first.hidden.entries()) {
      if (!isHidden) {
        expect(patchOf(first.painted, patch)).toEqual(patchOf(noise, patch));
        continue;
      }
      const [top, left] = [Math.floor(patch / 3) * 8, (patch % 3) * 8];
      for (let y = 0; y < 8; y++) data.fill(y * 20, 3 * ((top + y) * 24 + left), 3 * ((top + y) * 24 + left + 8));
    }
    const second = await reconstruct({ ...request, image: { ...noise, data } });
    expect(second.hidden).toEqual(first.hidden);
    expect(second.painted.data).toEqual(first.painted.data);
    expect(second.image.data).not.toEqual(first.image.data);
  },
);

test("the error is that of the hidden patches' pixels", async () => {
  const { loss, painted, image, hidden } = await reconstruct({
    ...{ model: modelOf(false), preprocessing, runtime, seed: 2, image: noise },
  });
  // Before it has learnt, it paints near the mean: nothing is clipped, and bytes say the pixels to half a step.
  let [sum, count] = [0, 0];
  for (const [patch, isHidden] of hidden.entries()) {
    if (!isHidden) continue;
    const [was, is] = [patchOf(image, patch), patchOf(painted, patch)];
    for (const [i, value] of is.entries()) {
      sum += ((value - was[i]!) / 255 / stats.std[i % 3]!) ** 2;
      count++;
    }
  }
  expect(loss / (sum / count)).toBeCloseTo(1, 1);
});

test("the picture covers what was hidden, and frames what was shown", async () => {
  const seen = await reconstruct({ model: modelOf(true), preprocessing, runtime, seed: 2, image: noise });
  const picture = drawReconstruction(seen);
  const boxes = picture.elements.flatMap((element) => (element.kind === "box" ? [element] : []));
  expect(boxes.filter(({ line }) => line === undefined)).toHaveLength(3);
  expect(boxes.filter(({ line }) => line === 2)).toHaveLength(3);
  const texts = picture.elements.flatMap((element) => (element.kind === "text" ? [element.text] : []));
  expect(texts).toContain("masked autoencoder · 50 % of the image hidden");
  expect(texts.join()).toMatch(/guessed/);
  const { width, height } = rasterize(picture);
  expect([width, height]).toEqual([picture.width, picture.height]);
});
