import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { image } from "../../src/data/image.ts";
import { type Filter, resize } from "../../src/data/resize.ts";
import { alongColumns, alongRows, columnsPlain, rowsPlain, type Weights } from "../../src/data/resize-passes.ts";
import { keyOf, stream } from "../../src/graph/random.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Weights that no filter has: any number, also those whose sums leave the range of bytes. */
function drawWeights(inSize: number, outSize: number, seed: number): Weights {
  const random = stream(keyOf(seed));
  const taps = 1 + random.integer(Math.min(inSize, 9));
  const [first, count] = [new Int32Array(outSize), new Int32Array(outSize)];
  // As filters have them: neither beginning nor end of what is read ever goes back.
  for (let i = 0, [begin, end] = [0, 1]; i < outSize; i++) {
    end = Math.min(inSize, Math.max(end, begin + 1 + random.integer(taps)) + random.integer(2));
    begin = Math.max(begin, end - taps);
    [first[i], count[i]] = [begin, end - begin];
  }
  const values = Int32Array.from({ length: taps * outSize }, () => random.integer(2 ** 24) - 2 ** 23);
  return { taps, first, count, values };
}

const side = fc.integer({ min: 1, max: 70 });

test("sums along rows and of rows are the same, together and one by one", () => {
  fc.assert(
    fc.property(
      side,
      side,
      side,
      fc.constantFrom(1 as const, 3 as const, 4 as const),
      fc.nat(),
      (w, h, n, channels, seed) => {
        const random = stream(keyOf(seed));
        const source = image(
          w,
          h,
          channels,
          Uint8Array.from({ length: w * h * channels }, () => random.integer(256)),
        );
        const top = random.integer(h);
        const rows = { source, left: 0, top, height: h - top, width: n, weights: drawWeights(w, n, seed) };
        expect(alongRows(rows)).toEqual(rowsPlain(rows));
        const columns = { source, top: 0, height: n, weights: drawWeights(h, n, seed) };
        expect(alongColumns(columns)).toEqual(columnsPlain(columns));
      },
    ),
  );
});

test("large images are summed strip by strip", () => {
  const [w, h] = [1500, 900];
  const source = image(
    w,
    h,
    3,
    Uint8Array.from({ length: w * h * 3 }, (_, i) => (i * 7919) >> 3),
  );
  const rows = { source, left: 0, top: 0, height: h, width: 400, weights: drawWeights(w, 400, 1) };
  expect(Buffer.compare(alongRows(rows).data, rowsPlain(rows).data)).toBe(0);
  const columns = { source, top: 0, height: 700, weights: drawWeights(h, 700, 2) };
  expect(Buffer.compare(alongColumns(columns).data, columnsPlain(columns).data)).toBe(0);
});

test("where nothing can be compiled, JavaScript makes the same bytes", async () => {
  const source = image(
    90,
    60,
    3,
    Uint8Array.from({ length: 90 * 60 * 3 }, (_, i) => (i * 31) % 256),
  );
  const sizes = { width: 40, height: 77 };
  const filters: readonly Filter[] = ["bilinear", "bicubic", "lanczos"];
  const before = filters.map((filter) => resize(source, { ...sizes, filter }));
  vi.stubGlobal("WebAssembly", {
    Module: class {
      constructor() {
        throw new Error("forbidden");
      }
    },
  });
  vi.resetModules();
  const alone = await import("../../src/data/resize.ts");
  expect(filters.map((filter) => alone.resize(source, { ...sizes, filter }))).toEqual(before);
});
