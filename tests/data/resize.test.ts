import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crop, image } from "../../src/data/image.ts";
import { type Filter, resize } from "../../src/data/resize.ts";
import { toFloat32 } from "../../src/graph/dtype.ts";
import { goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const filters: readonly Filter[] = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"];

test.skipIf(!hasShared).for(["box", "bilinear", "bicubic", "lanczos"] as const)(
  "resizing with the %s filter equals the golden bytes of Pillow",
  (filter) => {
    const file = readGolden(`ops-pillow-resize-${filter}`);
    let compared = 0;
    for (const name of [...file.tensors.keys()].filter((n) => n.startsWith("output."))) {
      const [, source, size] = name.split(".") as [string, string, string];
      const input = toFloat32(goldenTensor(file, `input.${source}`));
      const [height, width] = size.split("x").map(Number) as [number, number];
      const got = resize(image(input.shape[1]!, input.shape[0]!, 3, Uint8Array.from(input.data)), {
        width,
        height,
        filter,
      });
      expect(got.data, name).toEqual(Uint8Array.from(toFloat32(goldenTensor(file, name)).data));
      compared++;
    }
    expect(compared).toBe(8);
  },
);

interface PillowCase {
  filter: Filter;
  width: number;
  height: number;
  channels: 1 | 3;
  outWidth: number;
  outHeight: number;
  input: string;
  output: string;
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

test("resizing equals bytes that Pillow made, for all filters, grey and RGB, up, down and along one axis", () => {
  const cases = JSON.parse(readFileSync(new URL("golden/pillow-resize.json", import.meta.url), "utf8")) as PillowCase[];
  for (const { filter, width, height, channels, outWidth, outHeight, input, output } of cases) {
    const got = resize(image(width, height, channels, bytesOf(input)), {
      width: outWidth,
      height: outHeight,
      filter,
    });
    expect(got.data, `${filter} ${width}×${height} → ${outWidth}×${outHeight}`).toEqual(bytesOf(output));
  }
  expect(new Set(cases.map((c) => c.filter))).toEqual(new Set(filters));
});

const anyImage = fc
  .record({
    width: fc.integer({ min: 1, max: 24 }),
    height: fc.integer({ min: 1, max: 24 }),
    channels: fc.constantFrom(1, 3, 4),
  })
  .chain(({ width, height, channels }) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data) => image(width, height, channels as 1 | 3 | 4, data)),
  );
const size = fc.integer({ min: 1, max: 40 });

test("a window of the result is the result, cropped", () => {
  fc.assert(
    fc.property(
      anyImage,
      size,
      size,
      fc.constantFrom(...filters),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      (source, width, height, filter, n) => {
        const left = n[0]! % width;
        const top = n[1]! % height;
        const window = { left, top, width: 1 + (n[2]! % (width - left)), height: 1 + (n[3]! % (height - top)) };
        expect(resize(source, { width, height, filter, window })).toEqual(
          crop(resize(source, { width, height, filter }), window),
        );
      },
    ),
  );
});

test("resizing a region is resizing what was cropped", () => {
  fc.assert(
    fc.property(
      anyImage,
      size,
      size,
      fc.constantFrom(...filters),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      (source, width, height, filter, n) => {
        const left = n[0]! % source.width;
        const top = n[1]! % source.height;
        const region = {
          left,
          top,
          width: 1 + (n[2]! % (source.width - left)),
          height: 1 + (n[3]! % (source.height - top)),
        };
        expect(resize(source, { width, height, filter, region })).toEqual(
          resize(crop(source, region), { width, height, filter }),
        );
      },
    ),
  );
});

test("an image of one colour keeps it under every filter", () => {
  fc.assert(
    fc.property(
      fc.nat(255),
      size,
      size,
      size,
      size,
      fc.constantFrom(...filters),
      (byte, w, h, width, height, filter) => {
        const got = resize(image(w, h, 1, new Uint8Array(w * h).fill(byte)), { width, height, filter });
        expect(got.data.every((b) => b === byte)).toBe(true);
      },
    ),
  );
});

test("sizes that are not positive integers and regions outside are refused", () => {
  const source = image(2, 2, 1, new Uint8Array(4));
  expect(() => resize(source, { width: 0, height: 2, filter: "box" })).toThrow("positive integers, got 0 × 2");
  const region = { left: 1, top: 0, width: 2, height: 1 };
  expect(() => resize(source, { width: 2, height: 2, filter: "box", region })).toThrow(
    "the region must lie inside 2 × 2, got 2 × 1 at (1, 0)",
  );
});
