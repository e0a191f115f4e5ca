import { expect, test } from "vitest";
import { decodeImage } from "../../src/data/decode-node.ts";
import { image } from "../../src/data/image.ts";
import { numberText, ticksOf } from "../../src/explain/colour-bar.ts";
import { type ColourMap, diverging, sequential } from "../../src/explain/colours.ts";
import { drawExplanation } from "../../src/explain/draw.ts";
import { seenBy } from "../../src/explain/draw-image.ts";
import type { Explanation, ExplanationMap, ImageExplanation } from "../../src/explain/explanation.ts";
import { heatImage, placeOn, scaleOf, spread } from "../../src/explain/heat.ts";
import { lineThrough, rasterize } from "../../src/explain/picture.ts";
import { explanationFormats, renderExplanation } from "../../src/explain/render-node.ts";
import { toSvg } from "../../src/explain/svg.ts";
import { drawText, fitText, textWidth } from "../../src/explain/text.ts";

const mapOf = (values: readonly number[], rows: number, cols: number): ExplanationMap => ({
  name: "map",
  rows,
  cols,
  values: Float32Array.from(values),
  outside: 0.25,
});
const explanation: ImageExplanation = {
  kind: "image",
  method: "relevance",
  model: "a <model>",
  quantity: "relevance",
  classIndex: 1,
  label: "bee & “wasp” <script>",
  score: 0.5,
  logit: 2,
  classSpecific: true,
  query: "class token",
  queryPatch: undefined,
  grid: { rows: 2, cols: 3 },
  maps: [mapOf([0, 0.2, 0.4, 0.6, 0.8, 1], 2, 3)],
  table: { rowTitles: [""], colTitles: [""] },
  view: { left: 10, top: 0, width: 30, height: 20 },
  inputSize: [32, 48],
  channels: 3,
  facts: { steps: 3 },
};
const photo = image(50, 20, 3, new Uint8Array(3000).fill(128));
const others: readonly Explanation[] = [
  {
    ...explanation,
    method: "attention",
    maps: Array(6).fill(explanation.maps[0]),
    table: { rowTitles: ["head 0", "head 1"], colTitles: ["block 0", "block 1", "block 2"] },
  },
  { ...explanation, queryPatch: [1, 2], query: "patch 1, 2", method: "rollout" },
  { ...explanation, method: "integrated-gradients", maps: [mapOf([-1, 0.2, 0.4, 0.6, 0.8, 0.5], 2, 3)] },
  {
    kind: "positions",
    method: "positions",
    model: "m",
    quantity: "cosine similarity",
    grid: { rows: 1, cols: 2 },
    maps: [mapOf([1, 0], 1, 2), mapOf([0, 1], 1, 2)],
  },
  {
    kind: "filters",
    method: "filters",
    model: "m",
    quantity: "filter weight",
    rows: 2,
    cols: 2,
    channels: 1,
    filters: [{ name: "component 1", values: Float32Array.of(1, -1, 0, 0), share: 1 }],
  },
  {
    kind: "distance",
    method: "attention-distance",
    model: "m",
    quantity: "pixels",
    distances: [Float32Array.of(3, 40), Float32Array.of(20, 60)],
  },
  {
    ...{ kind: "reconstruction", method: "reconstruction", model: "m", quantity: "pixels", seed: 3, loss: 0.5 },
    ...{ image: photo, painted: photo, hidden: [true, false], grid: { rows: 1, cols: 2 }, guessedContrast: true },
  },
];

/** Lightness of sRGB, 0 to 1 (CIE L* / 100). */
function lightness([r, g, b]: readonly [number, number, number]): number {
  const [lr, lg, lb] = [r, g, b].map((x) => (x <= 10 ? x / 3294.6 : ((x / 255 + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  const y = 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
  return y > 0.008856 ? 1.16 * Math.cbrt(y) - 0.16 : 9.033 * y;
}
const lightnesses = (colours: ColourMap): readonly number[] =>
  Array.from({ length: 21 }, (_, i) => lightness(colours(i / 20)));

test("equal steps of a number are about equal steps of lightness", () => {
  const steps = lightnesses(sequential).flatMap((x, i, all) => (i === 0 ? [] : [x - all[i - 1]!]));
  for (const step of steps) expect(step).toBeGreaterThan(0.02);
  expect(Math.max(...steps)).toBeLessThan(0.07);
});

test("the two arms of signed colours are equally dark", () => {
  const all = lightnesses(diverging);
  for (let i = 0; i < 10; i++) {
    expect(all[i + 1]).toBeGreaterThan(all[i]!);
    expect(Math.abs(all[i]! - all[20 - i]!)).toBeLessThan(0.06);
  }
});

test("a map's pixels are the colours of its numbers, patch by patch", () => {
  const [map] = explanation.maps;
  const scale = scaleOf([map!]);
  const { data } = heatImage(map!, scale, sequential, 6, 4);
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 6; x++) {
      const value = map!.values[Math.floor(y / 2) * 3 + Math.floor(x / 2)]!;
      expect([...data.subarray((y * 6 + x) * 3, (y * 6 + x) * 3 + 3)]).toEqual([...sequential(placeOn(scale, value))]);
    }
});

test("a constant map has one colour", () => {
  const map = mapOf([0.3, 0.3, 0.3, 0.3], 2, 2);
  const { data } = heatImage(map, scaleOf([map]), sequential, 4, 4);
  expect(new Set(Array.from({ length: 16 }, (_, i) => data.subarray(3 * i, 3 * i + 3).join())).size).toBe(1);
});

test("interpolation keeps the numbers in the middle of the patches and runs straight between them", () => {
  const values = spread(mapOf([0, 1], 1, 2), 4, 1, "bilinear");
  expect([...values]).toEqual([0, 0.25, 0.75, 1]);
});

test("text leaves ink where it should, whatever fonts the machine has", () => {
  for (const text of ["tench", "Äpfel", "猫"]) {
    let ink = 0;
    let right = 0;
    drawText(text, "body", 0, 20, (x, _, coverage) => {
      ink += coverage;
      right = Math.max(right, x);
    });
    expect(ink).toBeGreaterThan(20);
    expect(right).toBeLessThan(textWidth(text, "body"));
  }
});

test("text that is too long ends with an ellipsis and fits", () => {
  const text = fitText("a very long label indeed", "title", 120);
  expect(text).toMatch(/^a very.*…$/);
  expect(textWidth(text, "title")).toBeLessThanOrEqual(120);
  expect(fitText("short", "title", 120)).toBe("short");
});

test("numbers are short, ticks are round and inside", () => {
  expect([0, 1, -0.0123456, 123_456, 1.6e-9].map(numberText)).toEqual(["0", "1", "−0.0123", "1.2e+5", "1.6e−9"]);
  expect(ticksOf({ low: 0.013, high: 0.208 })).toEqual([0.05, 0.1, 0.15, 0.2].map((x) => expect.closeTo(x, 12)));
  expect(ticksOf({ low: 1, high: 1 })).toEqual([]);
});

test.each([explanation, ...others])("$method becomes every kind of file", async (one) => {
  const { width, height } = drawExplanation(one, photo);
  for (const format of explanationFormats) {
    const bytes = await renderExplanation(one, photo, { format });
    if (format === "png") {
      const { data, ...size } = await decodeImage(bytes);
      expect(size).toEqual({ width, height, channels: 3 });
      expect(Buffer.compare(data, rasterize(drawExplanation(one, photo)).data)).toBe(0);
    } else if (format === "json") expect(JSON.parse(new TextDecoder().decode(bytes)).method).toBe(one.method);
    else {
      const text = new TextDecoder().decode(bytes);
      expect(text).toContain(`viewBox="0 0 ${width} ${height}"`);
      expect(text).not.toContain("<script>");
      expect(text).not.toMatch(/(?:src|href)="(?!data:)/);
    }
  }
});

test("a line goes through its places, in pixels and in SVG", async () => {
  const line = lineThrough(
    [
      [2, 2],
      [10, 2],
      [10, 8],
    ],
    [255, 0, 0],
  );
  const picture = { width: 14, height: 12, title: "a corner", elements: [line] };
  const { data } = rasterize(picture);
  const isRed = (x: number, y: number): boolean => data[(y * 14 + x) * 3] === 255 && data[(y * 14 + x) * 3 + 1]! < 128;
  for (let x = 2; x <= 10; x++) expect(isRed(x, 2), `${x}, 2`).toBe(true);
  for (let y = 2; y <= 8; y++) expect(isRed(10, y), `10, ${y}`).toBe(true);
  for (const [x, y] of [
    [2, 5],
    [6, 8],
    [13, 2],
  ] as const)
    expect(isRed(x, y), `${x}, ${y}`).toBe(false);
  expect(await toSvg(picture, async () => new Uint8Array())).toContain('points="2,2 10,2 10,8"');
});

test("nothing stands outside a picture", () => {
  for (const one of [explanation, ...others])
    for (const over of ["crop", "photo"] as const) {
      const { width, height, elements } = drawExplanation(one, photo, { over });
      for (const element of elements) {
        const [wide, high] =
          element.kind === "pixels"
            ? [element.image.width, element.image.height]
            : element.kind === "text"
              ? [
                  textWidth(element.text, element.style) * { start: 1, middle: 0.5, end: 0 }[element.anchor ?? "start"],
                  0,
                ]
              : [0, 0];
        expect(element.x + wide, element.kind === "text" ? element.text : element.kind).toBeLessThanOrEqual(width);
        expect(element.y + high).toBeLessThanOrEqual(height);
      }
    }
});

test("over the whole photograph the map lies where the model looked", () => {
  const { elements } = drawExplanation(explanation, photo, { over: "photo" });
  const heat = elements.find((element) => element.kind === "pixels" && element.name === "relevance");
  if (heat?.kind !== "pixels") throw new Error("there is no map");
  const { width, data } = heat.image;
  const greyAt = (x: number): boolean => {
    const pixel = data.subarray((80 * width + x) * 3, (80 * width + x) * 3 + 3);
    return new Set(pixel).size === 1;
  };
  // 50 pixels are drawn as 448: the view from 10 to 40 is 89.6 to 358.4.
  expect([88, 91, 357, 360].map(greyAt)).toEqual([true, false, false, true]);
});

test("the numbers survive in JSON", async () => {
  const bytes = await renderExplanation(explanation, photo, { format: "json" });
  const { maps, label } = JSON.parse(new TextDecoder().decode(bytes)) as ImageExplanation;
  expect(label).toBe(explanation.label);
  expect([...maps[0]!.values]).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
});

test("a model of grey images is shown to have seen grey, not the photograph's colours", () => {
  const red = image(
    4,
    4,
    3,
    Uint8Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 200 : 20)),
  );
  const seen = (channels: number): readonly number[] => {
    const { photo } = seenBy({ view: { left: 0, top: 0, width: 4, height: 4 }, inputSize: [4, 4], channels }, red, 4);
    return [...photo.data.subarray(0, 3)];
  };
  expect(seen(3)).toEqual([200, 20, 20]);
  expect(seen(1)).toEqual([74, 74, 74]);
});
