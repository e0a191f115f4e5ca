import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeImage } from "../../src/data/decode-node.ts";
import { image } from "../../src/data/image.ts";
import {
  denormalize,
  type Preprocessing,
  preprocess,
  roundHalfEven,
  visibleRegion,
} from "../../src/data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { toFloat32 } from "../../src/graph/dtype.ts";
import { goldenTensor, readGolden } from "../golden.ts";
import { hasShared, sharedPath } from "../shared.ts";

interface Entry {
  kind: "timm" | "huggingface";
  config: Record<string, unknown>;
  sha256: Record<string, string>;
}

const oracle = JSON.parse(readFileSync(new URL("golden/eval-transforms.json", import.meta.url), "utf8")) as {
  images: Record<string, string>;
  small: Entry[];
  photographs: Entry[];
};

function configOf({ kind, config }: Entry): Preprocessing {
  return kind === "timm" ? preprocessingFromTimm(config, "test") : preprocessingFromHuggingFace(config, "test");
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

async function hashOf(data: Float32Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", data as Float32Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

test.skipIf(!hasShared).for(["bilinear", "bicubic"])("the %s evaluation transform equals timm's golden", (filter) => {
  const file = readGolden(`ops-eval-transform-${filter}`);
  const input = toFloat32(goldenTensor(file, "input.image"));
  const want = toFloat32(goldenTensor(file, "output.pixels"));
  const got = preprocess(
    image(input.shape[1]!, input.shape[0]!, 3, Uint8Array.from(input.data)),
    preprocessingFromTimm(file.config, "golden"),
  );
  expect(got.shape).toEqual(want.shape);
  // The golden was computed in float64; the bit-for-bit comparison with timm in float32 follows below.
  for (let i = 0; i < want.data.length; i++) expect(Math.abs(got.data[i]! - want.data[i]!)).toBeLessThan(1e-6);
});

test.for(oracle.small)("$kind's transform of small images is the same bit for bit: $config", async (entry) => {
  const config = configOf(entry);
  for (const [name, sha256] of Object.entries(entry.sha256)) {
    const [width, height] = name.split("x").map(Number) as [number, number];
    const source = image(width, height, 3, bytesOf(oracle.images[name]!));
    expect(await hashOf(preprocess(source, config).data), name).toBe(sha256);
  }
});

test.skipIf(!hasShared).for(oracle.photographs)(
  "the input tensors of the photographs are $kind's bit for bit: $config",
  async (entry) => {
    const config = configOf(entry);
    for (const [name, sha256] of Object.entries(entry.sha256)) {
      const source = await decodeImage(sharedPath("data/imagenet-sample/images", name), { orientation: "ignore" });
      expect(await hashOf(preprocess(source, config).data), name).toBe(sha256);
    }
  },
);

test("a preprocessing that leaves another size than the model's input is refused", () => {
  const config = preprocessingFromTimm({ input_size: [3, 8, 8] }, "test");
  expect(() => preprocess(image(4, 4, 3, new Uint8Array(48)), { ...config, crop: null })).toThrow(
    "the model takes [3, 8, 8], resize and crop gave [3, 9, 9]",
  );
});

test("a grey model gets luma, and the picture of an input is the image that was fitted", () => {
  const config = preprocessingFromTimm({ input_size: [1, 2, 2], crop_pct: 1, mean: [0.5], std: [0.25] }, "test");
  const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 10, 10);
  const input = preprocess(image(2, 2, 3, rgb), config);
  expect(input.shape).toEqual([1, 2, 2]);
  expect([...denormalize(input.data, config).data]).toEqual([76, 150, 29, 10]);
});

test("rounding goes to the even neighbour, as Python's does", () => {
  expect([0.5, 1.5, 2.5, 72.5, 73.5, 1.4, 1.6].map(roundHalfEven)).toEqual([0, 2, 2, 72, 74, 1, 2]);
});

test("the part of an image that a model sees is the crop, in the image's own pixels", () => {
  const config = preprocessingFromTimm({ input_size: [3, 224, 224], crop_pct: 0.9 }, "config");
  // 500 × 375 becomes 330 × 248; of that 224 × 224 from the middle.
  const region = visibleRegion({ width: 500, height: 375 }, config);
  expect(region.left).toBeCloseTo((53 * 500) / 330, 10);
  expect(region.top).toBeCloseTo((12 * 375) / 248, 10);
  expect(region.width).toBeCloseTo((224 * 500) / 330, 10);
  expect(region.height).toBeCloseTo((224 * 375) / 248, 10);
  const whole = { left: 0, top: 0, width: 500, height: 375 };
  expect(visibleRegion(whole, { ...config, crop: null })).toEqual(whole);
});
