import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/datasets/dataset.ts";
import { expandBraces } from "../../../src/data/datasets/reference-node.ts";
import { reopenDataset } from "../../../src/data/datasets/reopen-node.ts";
import { subset } from "../../../src/data/datasets/subset.ts";
import { openLoader } from "../../../src/data/loader-node.ts";
import { openDataset } from "../../../src/data/open-node.ts";
import { preprocessingFromTimm } from "../../../src/data/preprocess-config.ts";
import { tarOf } from "./tar-writer.ts";

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const { names, pictures } = JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8")) as {
  names: string[];
  pictures: { label: number; sha256: string }[];
};

let root: string;
let cache: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "vitrine-shards-"));
  cache = join(root, "cache");
});
afterEach(() => rmSync(root, { recursive: true }));

/** Labels and hashes of decoded pixels of a data set, as the Python script notes them. */
async function contents(dataset: Dataset): Promise<{ label: number; sha256: string }[]> {
  const out = [];
  for (let i = 0; i < dataset.length; i++) {
    const { image, label } = await dataset.get(i);
    expect([image.width, image.height, dataset.labelOf(i)]).toEqual([24, 20, label]);
    out.push({ label, sha256: createHash("sha256").update(image.data).digest("hex") });
  }
  return out;
}

test("WebDataset archives written by Python (ustar, GNU, pax, gzip) give the pixels that Pillow decodes", async () => {
  const { train } = await openDataset(join(fixtures, "data-{000000..000002}.tar"), { cache });
  expect(train.classes).toEqual(["0", "1", "2"]);
  expect(await contents(train)).toEqual(pictures.slice(0, 12));
  expect((await train.get(0)).file).toBe(join(fixtures, "data-000000.tar/0000.png"));
  expect((await train.get(9)).file).toContain("pictures/ä0009.png");
  expect(readdirSync(root), "plain archives are read where they lie").toEqual([]);
  const all = await openDataset(join(fixtures, "data-*.tar*"), { cache });
  expect(await contents(all.train)).toEqual(pictures);
});

test("a gzip archive is unpacked once, and again when it changes", async () => {
  const path = join(root, "data.tar.gz");
  cpSync(join(fixtures, "data-000003.tar.gz"), path);
  const first = await openDataset(path, { cache });
  expect(await contents(first.train)).toEqual(pictures.slice(12));
  const packs = readdirSync(join(cache, "packs"));
  expect(packs).toHaveLength(1);
  expect((await openDataset(path, { cache })).train.source).toEqual(first.train.source);
  utimesSync(path, 1, 1);
  await openDataset(path, { cache });
  const changed = readdirSync(join(cache, "packs"));
  expect(changed).toHaveLength(1);
  expect(changed).not.toEqual(packs);
});

test("gzip archives that are cut off or grow beyond measure leave nothing behind", async () => {
  const whole = readFileSync(join(fixtures, "data-000003.tar.gz"));
  writeFileSync(join(root, "cut.tar.gz"), whole.subarray(0, whole.length - 200));
  await expect(openDataset(join(root, "cut.tar.gz"), { cache })).rejects.toMatchObject({ code: "INVALID_FILE" });
  const zeros = tarOf([{ name: "bomb.bin", content: new Uint8Array(64 * 2 ** 20) }]);
  writeFileSync(join(root, "bomb.tar.gz"), gzipSync(zeros, { level: 1 }));
  await expect(openDataset(join(root, "bomb.tar.gz"), { cache })).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  expect(readdirSync(join(cache, "packs"))).toEqual([]);
});

test("the hub's parquet files, written by `datasets`, give images, class names and splits", async () => {
  const { train, validation, test: secret } = await openDataset(join(fixtures, "hub"), { cache });
  expect(train.classes).toEqual(names);
  expect(validation!.classes).toEqual(names);
  expect(await contents(train)).toEqual(pictures.slice(0, 18));
  expect(await contents(validation!)).toEqual(pictures.slice(18));
  expect(secret, "labels of -1 are secret").toBeUndefined();
  expect([train.name, validation!.name]).toEqual(["hub/train", "hub/validation"]);
  expect((await train.get(11)).file).toMatch(/train-00001-of-00002.parquet\/1:0011\.webp$/);
});

test("a parquet file without notes of `datasets` is read by the names of its columns", async () => {
  const { train } = await openDataset(join(fixtures, "plain.parquet"), { cache });
  expect(train.classes).toEqual(["disc", "stripes", "wedge"]);
  expect(await contents(train)).toEqual(pictures.slice(0, 6));
});

test("parquet files that are broken anywhere are refused and leave nothing behind", async () => {
  const whole = readFileSync(join(fixtures, "plain.parquet"));
  const path = join(root, "x.parquet");
  for (const bytes of [whole.subarray(0, 4), whole.subarray(0, 300), whole.subarray(0, whole.length - 3)]) {
    writeFileSync(path, bytes);
    await expect(openDataset(path, { cache })).rejects.toMatchObject({ code: "INVALID_FILE", fields: { place: path } });
  }
  const long = Buffer.from(whole);
  long.writeUInt32LE(0xfffffff0, long.length - 8);
  writeFileSync(path, long);
  await expect(openDataset(path, { cache })).rejects.toMatchObject({ code: "INVALID_FILE" });
  // Bytes changed one by one: read as something, or refused by an error of ours.
  for (let at = whole.length - 600; at < whole.length; at += 7) {
    const changed = Buffer.from(whole);
    changed[at] = changed[at]! ^ 0x55;
    writeFileSync(path, changed);
    await openDataset(path, { cache }).catch((error: unknown) => {
      expect(error, `byte ${at}`).toMatchObject({ name: "VitrineError" });
    });
  }
  rmSync(join(cache, "packs"), { recursive: true });
});

test("splits come from the names of files and folders; one part alone is for training", async () => {
  const tar = readFileSync(join(fixtures, "data-000000.tar"));
  for (const folder of ["train", "val"]) {
    mkdirSync(join(root, "set", folder), { recursive: true });
    writeFileSync(join(root, "set", folder, "000.tar"), tar);
  }
  const both = await openDataset(join(root, "set"), { cache });
  expect([both.train.length, both.validation!.length, both.test]).toEqual([4, 4, undefined]);
  expect((await openDataset(join(root, "set/val"), { cache })).train.length).toBe(4);
  writeFileSync(join(root, "a-test-0.tar"), tar);
  writeFileSync(join(root, "a-val-0.tar"), tar);
  await expect(openDataset(join(root, "a-*.tar"), { cache })).rejects.toThrow("validation and test");
});

test("classes.txt beside the archives names the numbers", async () => {
  cpSync(join(fixtures, "data-000000.tar"), join(root, "data.tar"));
  writeFileSync(join(root, "classes.txt"), `${names.join("\n")}\n`);
  const { train } = await openDataset(join(root, "data.tar"), { cache });
  expect(train.classes).toEqual(names);
  expect((await contents(train)).map(({ label }) => label)).toEqual(pictures.slice(0, 4).map(({ label }) => label));
  writeFileSync(join(root, "classes.txt"), "a\nb\n");
  await expect(openDataset(join(root, "data.tar"), { cache })).rejects.toMatchObject({ code: "DATA_PROBLEM" });
});

test("samples without label are listed, archives without labels refused", async () => {
  const tar = (files: Parameters<typeof tarOf>[0]): void => writeFileSync(join(root, "x.tar"), tarOf(files));
  tar([
    { name: "1.png", content: "x" },
    { name: "2.png", content: "x" },
    { name: "2.cls", content: "cat" },
    { name: "3.png", content: "x" },
    { name: "3.cls", content: "dog" },
  ]);
  const { train } = await openDataset(join(root, "x.tar"), { cache });
  expect(train.classes).toEqual(["cat", "dog"]);
  expect(train.skipped).toEqual([{ file: join(root, "x.tar/1.png"), reason: "no label" }]);
  await expect(train.get(0)).rejects.toMatchObject({
    code: "INVALID_FILE",
    fields: { place: join(root, "x.tar/2.png") },
  });
  tar([{ name: "1.png", content: "x" }]);
  await expect(openDataset(join(root, "x.tar"), { cache })).rejects.toThrow("its images have none");
  await expect(openDataset(join(root, "y-{0..1}.tar"), { cache })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("an archive that is shortened while it is in use is named", async () => {
  const path = join(root, "x.tar");
  cpSync(join(fixtures, "data-000000.tar"), path);
  const { train } = await openDataset(path, { cache });
  writeFileSync(path, readFileSync(path).subarray(0, 600));
  await expect(train.get(0)).rejects.toMatchObject({ code: "INVALID_FILE", fields: { place: join(path, "0000.png") } });
});

test("images of archives and parquet files come shuffled in the same order whatever the number of workers", async () => {
  const plan = {
    preprocessing: preprocessingFromTimm({ input_size: [3, 16, 16] }, "x"),
    batchSize: 5,
    shuffle: true,
    dropLast: false,
    seed: 3,
  };
  for (const reference of ["data-*.tar*", "hub"]) {
    const { train } = await openDataset(join(fixtures, reference), { cache });
    const some = subset(train, Uint32Array.of(11, 3, 5, 2, 17, 9, 16));
    const seen = [];
    for (const workers of [0, 1, 2]) {
      const loader = openLoader(some, plan, { workers });
      const batches = [];
      for await (const batch of loader.epoch(1)) batches.push(batch);
      await loader.close();
      seen.push(batches);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
    expect(await contents(reopenDataset(some.source))).toEqual(await contents(some));
  }
});

test("braces give all names, and too many are refused", () => {
  expect(expandBraces("a-{08..11}.{tar,tgz}")).toEqual(
    ["08", "09", "10", "11"].flatMap((n) => [`a-${n}.tar`, `a-${n}.tgz`]),
  );
  expect(expandBraces("{2..0}")).toEqual(["2", "1", "0"]);
  expect(expandBraces("a{b}c")).toEqual(["a{b}c"]);
  expect(() => expandBraces("{0..99999999999}")).toThrow("at most 65535");
  expect(() => expandBraces("{0..999}{0..999}")).toThrow("at most 65535");
});
