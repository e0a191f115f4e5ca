import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { VitrineError } from "../../src/errors.ts";
import { maskedCrc32c } from "../../src/files/crc32c.ts";
import { openWeights } from "../../src/weights/open-node.ts";
import { openSafetensors } from "../../src/weights/safetensors-node.ts";
import { readSortedTable } from "../../src/weights/sorted-table.ts";
import { readAll } from "../../src/weights/source.ts";
import { parseBundleIndex } from "../../src/weights/tensor-bundle.ts";
import { bitsOf, fixtureBytes, fixturePath, thrown } from "./fixture.ts";

const files = ["checkpoint.index", "checkpoint.data-00000-of-00002", "checkpoint.data-00001-of-00002"];

/** A folder with a copy of the checkpoint. */
function copied(): string {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-bundle-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of files) copyFileSync(fixturePath(name), join(folder, name));
  return folder;
}

test("a checkpoint in two files holds what TensorFlow saved, bit for bit", async () => {
  const source = await openWeights(fixturePath("checkpoint.index"));
  const expected = await openSafetensors(fixturePath("checkpoint.safetensors"));
  expect(bitsOf(await readAll(source))).toEqual(bitsOf(await readAll(expected)));
  expect(source.info("t/float32/Adam")).toMatchObject({ dtype: "float32", shape: [3, 1, 2] });
  await expect(source.read("none")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await source.close();
  await expected.close();
});

test("of a checkpoint of objects the variables are read, and not the graph of objects", async () => {
  const source = await openWeights(fixturePath("object-graph.index"));
  const suffix = "/.ATTRIBUTES/VARIABLE_VALUE";
  expect([...source.names()].sort()).toEqual([`model/kernel${suffix}`, `model/step${suffix}`]);
  const table = readSortedTable(fixtureBytes("object-graph.index"), "index");
  expect([...table.keys()]).toContain("_CHECKPOINTABLE_OBJECT_GRAPH");
  expect((await source.read(`model/kernel${suffix}`)).data).toEqual(Float32Array.of(1, 2, 3, 4));
  await source.close();
});

test("a missing data file is named", async () => {
  const folder = copied();
  rmSync(join(folder, files[2]!));
  expect(await thrown(() => openWeights(join(folder, files[0]!)))).toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining(files[2]!),
  });
});

test("damaged values are found by their checksum, and a file that is cut by its length", async () => {
  const folder = copied();
  const place = join(folder, files[1]!);
  const bytes = readFileSync(place);
  bytes[20]! ^= 1;
  writeFileSync(place, bytes);
  const damaged = await openWeights(join(folder, files[0]!));
  expect(await thrown(() => readAll(damaged))).toMatchObject({
    code: "INVALID_FILE",
    message: expect.stringContaining("checksum"),
  });
  await damaged.close();
  writeFileSync(place, bytes.subarray(0, 19));
  const cut = await openWeights(join(folder, files[0]!));
  expect(await thrown(() => readAll(cut))).toMatchObject({ code: "INVALID_FILE" });
  await cut.close();
});

test("compressed blocks are refused, and not read as if they were not", () => {
  const bytes = fixtureBytes("object-graph.index");
  const footer = new BinaryReader(bytes.subarray(bytes.length - 48));
  const [, , offset, size] = Array.from({ length: 4 }, () => Number(footer.uint64()));
  const end = offset! + size!;
  bytes[end] = 1;
  new DataView(bytes.buffer).setUint32(end + 1, maskedCrc32c(bytes.subarray(offset, end + 1)), true);
  expect(() => readSortedTable(bytes, "index")).toThrow(/blocks must not be compressed, got Snappy in index/);
});

test("whatever happens to an index, it is read rightly or refused with an error of ours", () => {
  const good = fixtureBytes(files[0]!);
  const names = [...parseBundleIndex(good, "index").entries.keys()];
  expect(names).toHaveLength(216);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(good.length), (at, change, cut) => {
      const bad = good.slice(0, cut < good.length / 2 ? good.length : cut);
      if (at < bad.length) bad[at]! ^= change;
      try {
        expect([...parseBundleIndex(bad, "index").entries.keys()]).toEqual(names);
      } catch (error) {
        expect(error).toBeInstanceOf(VitrineError);
      }
    }),
    { numRuns: 500 },
  );
});
