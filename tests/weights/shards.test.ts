import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { openWeights } from "../../src/weights/open-node.ts";
import { saveSafetensors } from "../../src/weights/safetensors-node.ts";
import { readAll } from "../../src/weights/source.ts";

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "vitrine-shards-"));
  await saveSafetensors(join(folder, "one.safetensors"), [["a", ndarray("float32", [1], [1])]]);
  await saveSafetensors(join(folder, "two.safetensors"), [
    ["b", ndarray("float32", [1], [2])],
    ["c", ndarray("int8", [1], [3])],
  ]);
});
afterEach(() => rmSync(folder, { recursive: true }));

function index(weightMap: unknown): string {
  const path = join(folder, "model.safetensors.index.json");
  writeFileSync(
    path,
    typeof weightMap === "string" ? weightMap : JSON.stringify({ metadata: { total_size: 9 }, weight_map: weightMap }),
  );
  return path;
}
const whole = { c: "two.safetensors", a: "one.safetensors", b: "two.safetensors" };

test("shards are one source, opened by their folder or index", async () => {
  const path = index(whole);
  for (const place of [path, folder]) {
    const source = await openWeights(place);
    expect([...source.names()]).toEqual(["c", "a", "b"]);
    expect(source.info("c")).toMatchObject({ dtype: "int8", shape: [1] });
    expect((await readAll(source)).get("b")).toEqual(ndarray("float32", [1], [2]));
    await expect(source.read("d")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
    await source.close();
  }
});

test("an index that differs from its shards is refused", async () => {
  await expect(openWeights(index({ ...whole, d: "one.safetensors" }))).rejects.toThrow(/"d" is not in one.safetensors/);
  await expect(openWeights(index({ a: "one.safetensors", b: "two.safetensors" }))).rejects.toThrow(
    /"c" of two.safetensors is not in it/,
  );
  await expect(openWeights(index({ ...whole, c: "three.safetensors" }))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test.each(["../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", "C:one", "a\\b", "", "a\0"])(
  "the shard name %j is refused",
  async (name) => {
    await expect(openWeights(index({ a: name }))).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  },
);

test.each(["", "[]", '{"weight_map":[]}', '{"weight_map":{"a":1}}', '{"weight_map":{},"weight_map":{}}', "{"])(
  "the index %j is refused",
  async (text) => {
    await expect(openWeights(index(text))).rejects.toMatchObject({ code: "INVALID_FILE" });
  },
);

test("a folder without weights says what it looks for", async () => {
  await expect(openWeights(folder)).rejects.toThrow(
    /model.safetensors, model.safetensors.index.json, pytorch_model.bin/,
  );
});
