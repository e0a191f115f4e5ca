import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluatorFor } from "../../src/compile/index.ts";
import { nodeOf } from "../../src/graph/graph.ts";
import {
  cutWindows,
  forEachWindow,
  fromWindows,
  joinWindowHeads,
  offsetIndex,
  toWindows,
  type WindowCut,
  type WindowOrder,
  type Windows,
  windowBias,
  windowHeads,
  windowMask,
} from "../../src/nn/windows.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { input, type Tensor, tensor } from "../../src/tensor/index.ts";

const evaluate = evaluatorFor(await nodeRuntime({ threads: 1 }));
const valuesOf = async (t: Tensor): Promise<number[]> => Array.from((await evaluate([t.value]))[0]!.data, Number);

/** The reference codes' way: roll, fill with −1, cut, on a table of token numbers. */
function byHand({ map, window, shift, padFirst }: WindowCut): number[][] {
  const [h, w] = map;
  const [high, wide] = [Math.ceil(h / window[0]) * window[0], Math.ceil(w / window[1]) * window[1]];
  let rows = Array.from({ length: h }, (_, y) => Array.from({ length: w }, (_, x) => y * w + x));
  const fill = (): void => {
    rows = Array.from({ length: high }, (_, y) => Array.from({ length: wide }, (_, x) => rows[y]?.[x] ?? -1));
  };
  const roll = (): void => {
    rows = [...rows.slice(shift[0]), ...rows.slice(0, shift[0])];
    rows = rows.map((row) => [...row.slice(shift[1]), ...row.slice(0, shift[1])]);
  };
  for (const step of padFirst ? [fill, roll] : [roll, fill]) step();
  const windows: number[][] = [];
  for (let y = 0; y < high; y += window[0])
    for (let x = 0; x < wide; x += window[1])
      windows.push(rows.slice(y, y + window[0]).flatMap((row) => row.slice(x, x + window[1])));
  return windows;
}

const cuts = fc
  .tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 5 }),
  )
  .chain(([h, w, high, wide]) =>
    fc.record({
      map: fc.constant([h, w] as const),
      window: fc.constant([high, wide] as const),
      shift: fc.tuple(
        fc.integer({ min: 0, max: Math.min(h, high) - 1 }),
        fc.integer({ min: 0, max: Math.min(w, wide) - 1 }),
      ),
      padFirst: fc.boolean(),
    }),
  );

test("any map, window and shift is cut as rolling, filling and cutting by hand does", () => {
  fc.assert(
    fc.property(cuts, (cut) => {
      const { tokens, g, n } = cutWindows(cut);
      const expected = byHand(cut);
      expect([g, n]).toEqual([expected.length, expected[0]!.length]);
      expect(Array.from(tokens)).toEqual(expected.flat());
    }),
  );
});

test("the way into windows and back is the identity, in both orders and through heads", async () => {
  const samples = fc.sample(cuts, { numRuns: 12, seed: 3 });
  for (const cut of samples)
    for (const order of ["windows", "places"] as const) {
      const [h, w] = cut.map;
      const numbers = Float32Array.from({ length: 2 * h * w * 4 }, (_, i) => i);
      const x = tensor(numbers, [2, h, w, 4]);
      const windows = { ...cutWindows(cut), order };
      const inside = windowHeads(toWindows(x, windows), windows, 2);
      const back = fromWindows(joinWindowHeads(inside, windows, 2), windows);
      expect(await valuesOf(back)).toEqual(Array.from(numbers));
    }
});

test("places that no token fills are zeros", async () => {
  const windows = cutWindows({ map: [2, 3], window: [2, 2], shift: [0, 1], padFirst: false });
  const cut = await valuesOf(toWindows(tensor([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]), { ...windows, order: "windows" }));
  expect(cut).toEqual([2, 3, 5, 6, 1, 0, 4, 0]);
});

test("windows cost one gather, and none where one window is the map", () => {
  const ops = (t: Tensor): string[] => {
    const found: string[] = [];
    for (let value = t.value; nodeOf(value); value = nodeOf(value)!.inputs[0]!) found.push(nodeOf(value)!.op);
    return found;
  };
  const x = input("x", [1, 4, 4, 8]);
  const shifted = cutWindows({ map: [4, 4], window: [2, 2], shift: [1, 1], padFirst: false });
  expect(ops(toWindows(x, shifted))).toEqual(["Reshape", "Gather", "Reshape"]);
  const whole = cutWindows({ map: [4, 4], window: [4, 4], shift: [0, 0], padFirst: false });
  expect(ops(toWindows(x, whole))).toEqual(["Reshape", "Reshape"]);
});

test("a mask parts what lay apart before the shift, and nothing else", async () => {
  const cut: WindowCut = { map: [4, 6], window: [2, 3], shift: [1, 1], padFirst: false };
  const windows = cutWindows(cut);
  const mask = await valuesOf(windowMask(windows)!);
  const { g, n, tokens } = windows;
  for (let which = 0; which < g; which++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const [a, b] = [tokens[which * n + i]!, tokens[which * n + j]!];
        // Tokens of one shifted window were neighbours unless the seam of the map runs between them.
        const near = Math.abs(Math.floor(a / 6) - Math.floor(b / 6)) < 2 && Math.abs((a % 6) - (b % 6)) < 3;
        expect(mask[(which * n + i) * n + j]).toBe(near ? 0 : -150);
      }
  expect(windowMask(cutWindows({ ...cut, shift: [0, 0] }))).toBeUndefined();
});

test("the index of a pair's offset is that of the reference, and mirrored for the pair turned round", () => {
  // timm.models.swin_transformer.get_relative_position_index(1, 3)
  expect(offsetIndex([1, 3])).toEqual([2, 1, 0, 3, 2, 1, 4, 3, 2]);
  const [h, w] = [3, 4];
  const index = offsetIndex([h, w]);
  const last = (2 * h - 1) * (2 * w - 1) - 1;
  for (let i = 0; i < h * w; i++)
    for (let j = 0; j < h * w; j++) expect(index[i * h * w + j]! + index[j * h * w + i]!).toBe(last);
});

test("windows lie along heads, and what heads have stands with each window, only where windows differ", () => {
  const table = input("table", [9, 2]);
  const cut: WindowCut = { map: [4, 4], window: [2, 2], shift: [0, 0], padFirst: false };
  const x = input("x", [3, 4, 4, 6]);
  const scale = input("scale", [2, 1, 1]);
  const shapes = (windows: Windows): unknown[] =>
    [windowHeads(toWindows(x, windows), windows, 2), windowBias(table, windows), forEachWindow(scale, windows)].map(
      ({ shape }) => shape,
    );
  expect(shapes(cutWindows(cut))).toEqual([
    [12, 2, 4, 3],
    [2, 4, 4],
    [2, 1, 1],
  ]);
  expect(shapes(cutWindows({ ...cut, shift: [1, 1] }))).toEqual([
    [3, 8, 4, 3],
    [8, 4, 4],
    [8, 1, 1],
  ]);
});

test("heads keep their order in both orders of windows", async () => {
  const cut = cutWindows({ map: [2, 2], window: [1, 2], shift: [0, 0], padFirst: false });
  const x = tensor(
    Float32Array.from({ length: 16 }, (_, i) => i),
    [1, 2, 2, 4],
  );
  const heads = async (order: WindowOrder): Promise<number[]> => {
    const windows = { ...cut, order };
    return valuesOf(windowHeads(toWindows(x, windows), windows, 2));
  };
  expect(await heads("places")).toEqual(await heads("windows"));
});
