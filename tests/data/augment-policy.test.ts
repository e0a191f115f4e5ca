import fc from "fast-check";
import { expect, test } from "vitest";
import { applyDrawing, type Drawing, drawAutoAugment } from "../../src/data/augment/auto-augment.ts";
import type { Change } from "../../src/data/augment/change.ts";
import { drawErasing } from "../../src/data/augment/erase.ts";
import { drawJitter } from "../../src/data/augment/jitter.ts";
import { drawStep, type OperationName, type Surroundings } from "../../src/data/augment/operations.ts";
import { parseAutoAugment } from "../../src/data/augment/parse-policy.ts";
import { randWeights, threeWeights } from "../../src/data/augment/policies.ts";
import { type Augmentation, augmentImage, photoAugmentation } from "../../src/data/augment.ts";
import { memoryDataset } from "../../src/data/datasets/memory.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { type Batch, makeBatch } from "../../src/data/loader-batch.ts";
import { openLoader } from "../../src/data/loader-node.ts";
import { drawMix, symmetricDirichlet } from "../../src/data/mix.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { stream } from "../../src/graph/random.ts";
import { picture } from "./augment-images.ts";

const around: Surroundings = { width: 100, height: 50, filters: ["bilinear", "bicubic"], translate: 0.45 };

function drawings(text: string, count: number): readonly Drawing[] {
  const random = stream(7, text);
  const policy = parseAutoAugment(text);
  return Array.from({ length: count }, () => drawAutoAugment(policy, random, around));
}

/** All changes of `count` images. */
function changesOf(text: string, count: number): readonly Change[] {
  return drawings(text, count).flatMap((drawn) => (drawn.kind === "chain" ? drawn.changes : drawn.chains.flat()));
}

/** That a share seen in `count` trials is within four and a half standard deviations of the one expected. */
function expectShare(seen: number, count: number, share: number, what: string): void {
  const deviation = Math.sqrt((share * (1 - share)) / count);
  expect(Math.abs(seen / count - share), `${what}: ${seen} of ${count}, expected ${share}`).toBeLessThan(
    4.5 * deviation + 1e-12,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const count = 8000;

test("RandAugment takes each of two operations with probability one half, all kinds as often", () => {
  const drawn = drawings("rand-m9-mstd0.5-inc1", count).map((one) => (one.kind === "chain" ? one.changes.length : -1));
  expectShare(drawn.filter((n) => n === 0).length, count, 1 / 4, "none");
  expectShare(drawn.filter((n) => n === 2).length, count, 1 / 4, "both");
  const changes = changesOf("rand-m9-p1", count);
  expect(changes.length).toBe(2 * count);
  const kinds = new Set(changes.map(({ kind }) => kind));
  expect(kinds.size).toBe(15);
  for (const kind of kinds)
    expectShare(changes.filter((change) => change.kind === kind).length, 2 * count, 1 / 15, kind);
});

test("magnitudes are normal around m, cut off at 0 and 10; above mstd 100 they are uniform below m", () => {
  const angles = (text: string): number[] =>
    changesOf(text, 3 * count).flatMap((change) => (change.kind === "rotate" ? [change.degrees] : []));
  const normal = angles("rand-m6-mstd1-p1");
  expectShare(normal.filter((angle) => angle < 0).length, normal.length, 0.5, "sign");
  const sizes = normal.map((angle) => Math.abs(angle) / 3);
  expect(mean(sizes)).toBeCloseTo(6, 1);
  expect(mean(sizes.map((size) => (size - 6) ** 2))).toBeCloseTo(1, 1);
  // m = 9, standard deviation 0.5: what is above 10, 2.275 %, becomes 10.
  const cut = angles("rand-m9-mstd0.5-p1").map((angle) => Math.abs(angle));
  expectShare(cut.filter((angle) => angle === 30).length, cut.length, 0.02275, "cut off");
  expect(Math.max(...angles("rand-m9-mstd2-mmax12-p1"))).toBe(36);
  const even = angles("rand-m8-mstd101-p1").map((angle) => Math.abs(angle));
  for (const part of [6, 12, 18])
    expectShare(even.filter((angle) => angle < part).length, even.length, part / 24, "uniform");
  expect(Math.max(...even)).toBeLessThanOrEqual(24);
});

test("the formulas of the operations are timm's", () => {
  const at = (name: OperationName, magnitude: number, seed = 0): Change =>
    drawStep({ name, probability: 1, magnitude, deviation: 0, largest: 10 }, stream(seed), around)!;
  expect(at("Posterize", 9)).toEqual({ kind: "posterize", bits: 3 });
  expect(at("PosterizeIncreasing", 9)).toEqual({ kind: "posterize", bits: 1 });
  expect(at("PosterizeOriginal", 9)).toEqual({ kind: "posterize", bits: 7 });
  expect(at("Solarize", 5)).toEqual({ kind: "solarize", threshold: 128 });
  expect(at("SolarizeIncreasing", 10)).toEqual({ kind: "solarize", threshold: 0 });
  expect(at("SolarizeAdd", 10)).toEqual({ kind: "solarize-add", add: 110 });
  expect(at("Color", 10)).toEqual({ kind: "colour", factor: 1.9000000000000001 });
  expect(at("Desaturate", 10)).toEqual({ kind: "colour", factor: 0 });
  expect(at("GaussianBlur", 10)).toEqual({ kind: "blur", radius: 2 });
  const seen = new Set<unknown>();
  for (let seed = 0; seed < 40; seed++) {
    const change = at("TranslateXRel", 10, seed);
    if (change.kind !== "translate-x") throw new Error("not a shift");
    expect(Math.abs(change.pixels)).toBe(45);
    seen.add(`${change.pixels} ${change.filter}`);
  }
  expect(seen.size).toBe(4);
});

test("weighted operations are drawn without repetition, in proportion to their weights", () => {
  for (const [text, weights, names] of [
    ["rand-tweights-n1-p1", randWeights, { "shear-x": "ShearX", rotate: "Rotate", "auto-contrast": "AutoContrast" }],
    ["rand-t3aw-n1-p1", threeWeights, { blur: "GaussianBlur", rotate: "Rotate", invert: "Invert" }],
  ] as const) {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const changes = changesOf(text, count);
    for (const [kind, name] of Object.entries(names))
      expectShare(
        changes.filter((change) => change.kind === kind).length,
        count,
        weights[name as OperationName]! / total,
        kind,
      );
  }
  for (const drawn of drawings("rand-tweights-n3-p1", 500))
    if (drawn.kind === "chain") {
      const kinds = drawn.changes.map(({ kind }) => kind).filter((kind) => !kind.startsWith("solarize"));
      expect(new Set(kinds).size).toBe(kinds.length);
    }
});

test("AugMix draws 1 to 3 changes for each of w chains, shares that add up to 1, and magnitudes from 0 to m", () => {
  const drawn = drawings("augmix-m3-w3", 3000);
  const lengths = drawn.flatMap((one) => (one.kind === "mix" ? one.chains.map((chain) => chain.length) : []));
  expect(lengths.length).toBe(9000);
  for (const length of [1, 2, 3])
    expectShare(lengths.filter((n) => n === length).length, lengths.length, 1 / 3, `chains of ${length}`);
  for (const one of drawn)
    if (one.kind === "mix") expect(one.weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
  // α = 1: the share is uniform, and a chain's weight has the density 2 (1 − w).
  const mixes = drawn.flatMap((one) => (one.kind === "mix" ? [one] : []));
  expectShare(mixes.filter(({ share }) => share < 0.3).length, mixes.length, 0.3, "share");
  expectShare(mixes.filter(({ weights }) => weights[0]! < 0.3).length, mixes.length, 1 - 0.7 ** 2, "weight");
  const angles = changesOf("augmix-m3-w3", 3000).flatMap((change) =>
    change.kind === "rotate" ? [change.degrees] : [],
  );
  expect(Math.max(...angles)).toBeLessThanOrEqual(9);
  expectShare(angles.filter((angle) => Math.abs(angle) < 4.5).length, angles.length, 0.5, "uniform magnitude");
});

test("shares from the Dirichlet distribution have its mean and variance", () => {
  const random = stream(2, "dirichlet");
  for (const alpha of [0.3, 1, 5]) {
    const first = Array.from({ length: count }, () => symmetricDirichlet(alpha, 4, random)[0]!);
    expect(mean(first)).toBeCloseTo(1 / 4, 1.7);
    const variance = 3 / 16 / (4 * alpha + 1);
    expect(mean(first.map((share) => (share - 1 / 4) ** 2)) / variance).toBeCloseTo(1, 1);
  }
});

test("TrivialAugmentWide draws its 14 operations as often, nothing once in 14 times, and all of 31 magnitudes", () => {
  const drawn = drawings("ta_wide", count).map((one) => (one.kind === "chain" ? one.changes : []));
  expectShare(drawn.filter((changes) => changes.length === 0).length, count, 1 / 14, "identity");
  for (const kind of ["shear-x", "sharpness", "posterize", "equalize"])
    expectShare(drawn.filter(([change]) => change?.kind === kind).length, count, 1 / 14, kind);
  const angles = drawn.flatMap(([change]) => (change?.kind === "rotate" ? [change.degrees] : []));
  expect(new Set(angles.map(Math.abs))).toEqual(new Set(Array.from({ length: 31 }, (_, i) => 4.5 * i)));
  const bits = drawn.flatMap(([change]) => (change?.kind === "posterize" ? [change.bits] : []));
  expect([Math.min(...bits), Math.max(...bits)]).toEqual([2, 8]);
});

test("AutoAugment draws its rows as often, and each step with its probability", () => {
  const changes = drawings("3a", count);
  for (const kind of ["solarize", "colour", "blur"])
    expectShare(
      changes.filter((one) => one.kind === "chain" && one.changes[0]?.kind === kind).length,
      count,
      1 / 3,
      kind,
    );
  const radii = changesOf("3a", count).flatMap((change) => (change.kind === "blur" ? [change.radius] : []));
  expectShare(radii.filter((radius) => radius < 0.1 + 1.9 / 4).length, radii.length, 1 / 4, "radius");
  // In `original`, ShearX stands in one of 25 rows with probability 0.6.
  expectShare(changesOf("original", count).filter(({ kind }) => kind === "shear-x").length, count, 0.6 / 25, "ShearX");
});

test("colour jitter draws uniform factors and all orders as often", () => {
  const random = stream(5, "jitter");
  const drawn = Array.from({ length: count }, () => drawJitter([0.4, 1.5, 0.2, 0.1], random));
  const orders = new Map<string, number>();
  for (const changes of drawn) {
    const order = changes.map(({ kind }) => kind).join();
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  expect(orders.size).toBe(24);
  for (const [order, seen] of orders) expectShare(seen, count, 1 / 24, order);
  const values = (kind: Change["kind"]): number[] =>
    drawn
      .flat()
      .flatMap((one) => (one.kind === kind ? ["factor" in one ? one.factor : "turn" in one ? one.turn : 0] : []));
  for (const [kind, low, high] of [
    ["brightness", 0.6, 1.4],
    ["contrast", 0, 2.5],
    ["colour", 0.8, 1.2],
    ["hue", -0.1, 0.1],
  ] as const) {
    const seen = values(kind);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...seen)).toBeLessThanOrEqual(high);
    expectShare(seen.filter((value) => value < low + (high - low) / 4).length, count, 1 / 4, kind);
  }
  expect(
    drawJitter(0.4, random)
      .map(({ kind }) => kind)
      .sort(),
  ).toEqual(["brightness", "colour", "contrast"]);
});

test("erasing draws its count, areas and shapes from their ranges", () => {
  const random = stream(6, "erase");
  const rules = { probability: 0.25, count: [1, 3] as const, area: [0.1, 0.2] as const, aspect: [0.5, 2] as const };
  const drawn = Array.from({ length: count }, () => [...drawErasing(200, 100, rules, random)]);
  expectShare(drawn.filter((regions) => regions.length > 0).length, count, 0.25, "erased");
  const some = drawn.filter((regions) => regions.length > 0);
  for (const n of [1, 2, 3])
    expectShare(some.filter((regions) => regions.length === n).length, some.length, 1 / 3, `${n} rectangles`);
  for (const regions of some)
    for (const { left, top, width, height } of regions) {
      const area = (width * height * regions.length) / 20_000;
      expect(area > 0.093 && area < 0.208).toBe(true);
      expect(height / width > 0.46 && height / width < 2.2).toBe(true);
      expect(left >= 0 && top >= 0 && left + width <= 200 && top + height <= 100).toBe(true);
    }
  expect([...drawErasing(20, 20, { probability: 0 }, random)]).toEqual([]);
});

test("mixing draws with its probability, and CutMix with the probability of the switch", () => {
  const random = stream(8, "mix");
  const rules = { mixup: 0.8, cutmix: 1, probability: 0.6, switchProbability: 0.3 };
  const drawn = Array.from({ length: count }, () => drawMix(20, 20, rules, random));
  expectShare(drawn.filter((one) => one !== undefined).length, count, 0.6, "mixed");
  expectShare(drawn.filter((one) => one?.box !== undefined).length, count, 0.18, "CutMix");
});

test("texts that are not policies are refused with the reason", () => {
  for (const [text, reason] of [
    ["", 'unknown policy ""'],
    ["random-m9", 'unknown policy "random"'],
    ["rand-x9", 'unknown setting "x9"'],
    ["rand-m9.5", '"m9.5" has no whole number after m'],
    ["rand-m", '"m" has no whole number'],
    ["rand-mstdhalf", "unknown setting"],
    ["rand-m9-m8", "m stands twice"],
    ["rand-w0", "unknown setting"],
    ["rand-tbest", 'unknown set "tbest"'],
    ["rand-tweights-n16", "drawn without repetition"],
    ["rand-p1.5", "at most 1"],
    ["augmix-n3", "unknown setting"],
    ["augmix-w0", "above 0"],
    ["v0-m3", "unknown setting"],
    ["ta_wide-m3", "takes no settings"],
    ["toString", "unknown policy"],
  ] as const)
    expect(() => parseAutoAugment(text), text).toThrow(reason);
});

test("every policy keeps the size of grey and RGB images of any size", () => {
  const texts = ["rand-m9-n3-p1-mstd1", "rand-inc1-n4-p1", "augmix-m8", "augmix-b1", "v0", "original", "3a", "ta_wide"];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom(1 as const, 3 as const),
      fc.constantFrom(...texts),
      fc.nat(),
      (width, height, channels, text, seed) => {
        const source = picture([width, height, channels, seed % 100]);
        const before = source.data.slice();
        const drawn = drawAutoAugment(parseAutoAugment(text), stream(seed), { ...around, width, height });
        const got = applyDrawing(source, drawn, [1, 2, 3]);
        expect([got.width, got.height, got.channels, got.data.length]).toEqual([
          width,
          height,
          channels,
          width * height * channels,
        ]);
        expect(source.data).toEqual(before);
      },
    ),
  );
});

const config = preprocessingFromTimm({ input_size: [3, 16, 16], crop_pct: 1 }, "test");

test("automatic augmentation replaces jitter, except in DeiT III's set", () => {
  const run = (rules: Partial<Augmentation>): Uint8Array =>
    augmentImage(picture([20, 20, 3, 2]), config, { ...photoAugmentation, ...rules }, stream(3)).data;
  expect(run({ auto: "rand-m9-p1", jitter: 0.4 })).toEqual(run({ auto: "rand-m9-p1" }));
  expect(run({ auto: "3a", jitter: 0.4 })).not.toEqual(run({ auto: "3a" }));
  expect(run({ greyscale: 1 }).every((byte, i, all) => byte === all[i - (i % 3)])).toBe(true);
  expect(run({ blur: 1 })).not.toEqual(run({}));
});

test("batches with automatic augmentation and mixing by elements are the same with no and with two workers", async () => {
  const plan = {
    preprocessing: config,
    augmentation: { ...photoAugmentation, auto: "rand-m9-mstd0.5-inc1", erase: 0.25 },
    mix: { mixup: 0.8, cutmix: 1, mode: "elem" as const },
    soften: 0.1,
    batchSize: 8,
    shuffle: true,
    dropLast: true,
    seed: 3,
  };
  const batches = async (workers: number): Promise<Batch[]> => {
    const loader = openLoader(shapesDataset({ length: 40 }), plan, { workers });
    try {
      const all: Batch[] = [];
      for await (const batch of loader.epoch(1)) all.push(batch);
      return all;
    } finally {
      await loader.close();
    }
  };
  expect(await batches(2)).toEqual(await batches(0));
});

test("a batch with automatic augmentation survives the copy to a thread, and repeats", async () => {
  const images = Array.from({ length: 4 }, (_, i) => picture([20, 20, 3, i]));
  const dataset = memoryDataset({
    kind: "memory",
    name: "four",
    classes: ["a", "b"],
    channels: 3,
    sizes: Uint16Array.of(20, 20),
    pixels: Uint8Array.from(images.flatMap(({ data }) => [...data])),
    labels: Uint16Array.of(0, 1, 0, 1),
  });
  const augmentation = { ...photoAugmentation, auto: "augmix-m3", erase: { probability: 1, mode: "rand" as const } };
  const plan = { preprocessing: config, augmentation, batchSize: 4, shuffle: true, dropLast: false, seed: 1 };
  const run = (given: typeof plan): Promise<Batch> => makeBatch(dataset, given, 0, 0, Uint32Array.of(0, 1, 2, 3));
  const batch = await run(plan);
  expect((await run(structuredClone(plan))).images).toEqual(batch.images);
  await expect(run({ ...plan, augmentation: { ...augmentation, auto: "rand-q1" } })).rejects.toThrow("unknown setting");
});
