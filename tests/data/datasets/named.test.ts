import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cifar10Source } from "../../../src/data/datasets/cifar.ts";
import { idxSource, parseIdx } from "../../../src/data/datasets/idx.ts";
import { memoryDataset } from "../../../src/data/datasets/memory.ts";
import { datasetByName, openDataset } from "../../../src/data/open-node.ts";
import { VitrineError } from "../../../src/errors.ts";
import { hasShared, sharedPath } from "../../shared.ts";

function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x0800 + shape.length);
  shape.forEach((size, axis) => {
    header.setUint32(4 + 4 * axis, size);
  });
  return Uint8Array.of(...new Uint8Array(header.buffer), ...data);
}

test("IDX arrays are read as they were written, and any change of length is noticed", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }), fc.nat(9), (shape, extra) => {
      const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i * 37);
      expect(parseIdx(idx(shape, data), "x")).toEqual({ shape, data });
      const wrong = Uint8Array.of(...idx(shape, data), ...new Uint8Array(extra + 1));
      expect(() => parseIdx(wrong, "x")).toThrow(VitrineError);
    }),
  );
  expect(() => parseIdx(new Uint8Array(0), "empty.gz")).toThrow("got nothing in empty.gz");
  expect(() => parseIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0), "f.gz")).toThrow("got 0, 0, 13, 1 in f.gz");
});

test("images and labels that do not fit each other are refused", () => {
  const images = { shape: [2, 1, 1], data: Uint8Array.of(1, 2) };
  expect(() => idxSource("x", ["a", "b"], images, { shape: [3], data: new Uint8Array(3) }, "f")).toThrow(
    "got [2, 1, 1] and [3]",
  );
  expect(() => idxSource("x", ["a", "b"], images, { shape: [2], data: Uint8Array.of(0, 2) }, "f")).toThrow(
    "labels must be below the number of classes, 2, got 2",
  );
});

test("CIFAR-10 records become pixels with their channels side by side", async () => {
  const record = Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 3 : i <= 1024 ? 10 : i <= 2048 ? 20 : i % 256));
  const dataset = memoryDataset(cifar10Source("c", [{ place: "f", bytes: Uint8Array.of(...record, ...record) }]));
  expect([dataset.length, dataset.classes[dataset.labelOf(1)]]).toEqual([2, "cat"]);
  const { image } = await dataset.get(1);
  expect([image.width, image.height, ...image.data.slice(0, 6)]).toEqual([
    32,
    32,
    10,
    20,
    2049 % 256,
    10,
    20,
    2050 % 256,
  ]);
  expect(() => cifar10Source("c", [{ place: "cut.bin", bytes: record.subarray(1) }])).toThrow(
    "got 3072 bytes in cut.bin",
  );
  expect(() =>
    cifar10Source("c", [{ place: "f", bytes: Uint8Array.from(record, (b, i) => (i === 0 ? 10 : b)) }]),
  ).toThrow("a CIFAR-10 label must be 0 to 9, got 10 at byte 0 in f");
});

test.skipIf(!hasShared)("MNIST, Fashion-MNIST and CIFAR-10 open from their original files", async () => {
  const dataDir = sharedPath("data");
  for (const name of ["mnist", "fashion-mnist"]) {
    const { train, test } = await datasetByName(name, { dataDir });
    expect([train.length, test!.length, train.classes.length]).toEqual([60_000, 10_000, 10]);
    const counts = new Array(10).fill(0);
    for (let i = 0; i < test!.length; i++) counts[test!.labelOf(i)]++;
    if (name === "mnist") expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    else expect(counts).toEqual(new Array(10).fill(1000));
    const { image } = await test!.get(0);
    expect([image.width, image.height, image.channels]).toEqual([28, 28, 1]);
  }
  const { train } = await openDataset("cifar10", { dataDir: sharedPath("data/cifar10") });
  expect([train.length, train.classes[train.labelOf(0)]]).toEqual([4000, "frog"]);
});

test("names that do not exist list those that do; missing and cut-off files are named", async () => {
  await expect(openDataset("cifar11")).rejects.toThrow(
    "a data set must be one of shapes, mnist, fashion-mnist, cifar10, cifar100, or a folder of class folders, tar archives or parquet files, or a list of images, got cifar11",
  );
  await expect(datasetByName("toString")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await expect(openDataset("./none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  const folder = mkdtempSync(join(tmpdir(), "vitrine-named-"));
  try {
    await expect(datasetByName("mnist", { dataDir: folder })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const packed = gzipSync(idx([1, 2, 2], new Uint8Array(4)));
    writeFileSync(join(folder, "train-images-idx3-ubyte.gz"), packed);
    await expect(datasetByName("mnist", { dataDir: folder })).rejects.toThrow(
      "mnist must have training images and labels",
    );
    writeFileSync(join(folder, "train-labels-idx1-ubyte"), idx([1], Uint8Array.of(7)));
    const { train, test } = await datasetByName("mnist", { dataDir: folder });
    expect([train.length, train.labelOf(0), test]).toEqual([1, 7, undefined]);
    writeFileSync(join(folder, "train-images-idx3-ubyte.gz"), packed.subarray(0, packed.length - 9));
    await expect(datasetByName("mnist", { dataDir: folder })).rejects.toMatchObject({ code: "INVALID_FILE" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
