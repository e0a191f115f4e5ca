import { expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { type Image, image } from "../../src/data/image.ts";
import { resize } from "../../src/data/resize.ts";
import { stream } from "../../src/graph/random.ts";
import { type Fingerprint, fingerprint, lookDistance } from "../../src/inspect/fingerprint.ts";
import { findDuplicates } from "../../src/inspect/near-duplicates.ts";

const shapes = shapesDataset({ split: "train", seed: 3, size: 96 });
const shape = async (index: number): Promise<Image> => (await shapes.get(index)).image;

const smaller = (source: Image): Image => resize(source, { width: 70, height: 70, filter: "bicubic" });
const brighter = ({ width, height, channels, data }: Image): Image =>
  image(
    width,
    height,
    channels,
    data.map((byte) => Math.min(255, byte * 1.1)),
  );
const noisy = ({ width, height, channels, data }: Image): Image => {
  const random = stream(1, "noise");
  return image(
    width,
    height,
    channels,
    data.map((byte) => Math.max(0, Math.min(255, byte + random.integer(9) - 4))),
  );
};

test("planted copies are found among 600 pictures, and nothing else", async () => {
  const pictures: Image[] = [];
  for (let i = 0; i < 600; i++) pictures.push(await shape(i));
  const copies = [pictures[5]!, smaller(pictures[50]!), brighter(pictures[77]!), noisy(pictures[300]!)];
  const prints = [...pictures, ...copies].map(fingerprint);
  expect(findDuplicates(prints)).toEqual([
    { members: [5, 600], exact: true },
    { members: [50, 601], exact: false },
    { members: [77, 602], exact: false },
    { members: [300, 603], exact: false },
  ]);
});

test("small pictures are copies only where next to nothing differs", async () => {
  const tiny = async (i: number): Promise<Image> => resize(await shape(i), { width: 32, height: 32, filter: "box" });
  const prints = [await tiny(0), await tiny(1), await tiny(0), brighter(await tiny(1))].map(fingerprint);
  expect(findDuplicates(prints)).toEqual([{ members: [0, 2], exact: true }]);
});

test("pictures that cannot be read are in no group", () => {
  expect(findDuplicates([undefined, undefined])).toEqual([]);
});

/** A print with a hash of its own and nothing to see in the thumbnail. */
const printOf = (look: readonly [number, number], i: number): Fingerprint => ({
  look,
  pixels: String(i),
  thumbnail: new Uint8Array(3),
  brightness: 0,
  contrast: 1,
  shorterSide: 100,
});

test("buckets find every pair of at most 7 bits that comparing all pairs finds", () => {
  const random = stream(2, "hashes");
  const bits = (): number => random.integer(2 ** 32);
  const looks: [number, number][] = [];
  for (let i = 0; i < 100; i++) {
    const base: [number, number] = [bits(), bits()];
    looks.push(base);
    const other: [number, number] = [...base];
    for (let flips = random.integer(12); flips > 0; flips--) {
      const bit = random.integer(64);
      other[bit >> 5] = (other[bit >> 5]! ^ (1 << (bit & 31))) >>> 0;
    }
    looks.push(other);
  }
  const expected = looks.flatMap((look, i) =>
    looks.slice(0, i).flatMap((other, j) => (lookDistance(look, other) <= 7 ? [[j, i]] : [])),
  );
  const found = findDuplicates(looks.map(printOf)).flatMap(({ members }) => [members]);
  expect(found.map(([a, b]) => [a, b]).sort()).toEqual(expected.sort());
  expect(expected.length).toBeGreaterThan(30);
});
