import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { outlines } from "../../../src/data/datasets/shape-outlines.ts";
import { shapeClasses, shapesDataset } from "../../../src/data/datasets/shapes.ts";

async function digest(options: Parameters<typeof shapesDataset>[0], count: number): Promise<string[]> {
  const dataset = shapesDataset(options);
  return Promise.all(
    Array.from({ length: count }, async (_, i) =>
      createHash("sha256")
        .update((await dataset.get(i)).image.data)
        .digest("hex"),
    ),
  );
}

test("an image is a function of seed, split and index, in whatever order it is asked for", async () => {
  const dataset = shapesDataset({ seed: 4 });
  const later = (await dataset.get(17)).image.data;
  await dataset.get(3);
  expect((await dataset.get(17)).image.data).toEqual(later);
  expect((await shapesDataset({ seed: 4, length: 18 }).get(17)).image.data).toEqual(later);
});

test("no two images of training, validation and test or of two seeds are the same", async () => {
  const all = [
    ...(await digest({ split: "train" }, 200)),
    ...(await digest({ split: "validation" }, 200)),
    ...(await digest({ split: "test" }, 200)),
    ...(await digest({ split: "train", seed: 1 }, 200)),
  ];
  expect(new Set(all).size).toBe(800);
});

test("the pictures stay what they were", async () => {
  const all = createHash("sha256")
    .update((await digest({}, 100)).join())
    .digest("hex");
  expect(all).toMatchInlineSnapshot(`"dec7c81c97a76e8d852c8963f8dcd6fa215abe50d37f8c6652e81c3f54e2d3ee"`);
});

test("classes are equally frequent, and images have the size asked for", async () => {
  const dataset = shapesDataset({ size: 48, length: 100 });
  expect(shapeClasses.length).toBe(10);
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 100; i++) counts[dataset.labelOf(i)]++;
  expect(counts).toEqual(new Array(10).fill(10));
  const { image, label } = await dataset.get(13);
  expect([image.width, image.height, image.channels, image.data.length, label]).toEqual([48, 48, 3, 48 * 48 * 3, 3]);
  expect(() => shapesDataset({ size: 4 })).toThrow("size must be 8 to 1024 pixels, got 4");
});

test("outlines are signed distances within the unit circle: the middle inside, the rim outside, slope at most 1", () => {
  for (const [name, outline] of Object.entries(outlines)) {
    let inside = 0;
    for (let i = 0; i < 2000; i++) {
      const x = ((i * 0.754877) % 1) * 2.2 - 1.1;
      const y = ((i * 0.56984) % 1) * 2.2 - 1.1;
      const d = outline(x, y);
      if (d < 0) inside++;
      if (Math.hypot(x, y) > 1.06) expect(d, `${name} (${x}, ${y})`).toBeGreaterThan(-0.01);
      // The ellipse's distance is first order only.
      if (name !== "ellipse") expect(Math.abs(outline(x + 0.01, y) - d), name).toBeLessThan(0.0101);
    }
    expect(inside / 2000, name).toBeGreaterThan(0.1);
  }
});
