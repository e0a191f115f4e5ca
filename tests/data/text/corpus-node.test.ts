import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { heldOut, splitPairs } from "../../../src/data/text/corpus.ts";
import { readLines, readParallel, readText } from "../../../src/data/text/corpus-node.ts";
import { isTexts, openTexts } from "../../../src/data/text/open-node.ts";

const folder = await mkdtemp(join(tmpdir(), "vitrine-corpus-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, name.endsWith(".gz") ? gzipSync(content) : content);
  return path;
}

test("texts are read plain and packed, whatever ends their lines", async () => {
  expect(await readText(await file("a.txt.gz", "\ufeffä\r\nb\n"))).toBe("ä\nb\n");
  expect(await readLines(await file("b.txt", "one\n\nthree\n"))).toEqual(["one", "", "three"]);
  expect(await readLines(await file("c.txt", "one\ntwo"))).toEqual(["one", "two"]);
});

test("what is no text is refused, with its place", async () => {
  await expect(readText(join(folder, "nowhere.txt"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(readText(await file("empty.txt", " \n"))).rejects.toThrow("must have a word");
  const bytes = Uint8Array.of(97, 10, 0xff, 10);
  await expect(readText(await file("latin.txt", bytes))).rejects.toThrow("first in line 2");
  const torn = await file("torn.gz", "x".repeat(100));
  await writeFile(torn, gzipSync("x".repeat(1000)).subarray(0, 15));
  await expect(readText(torn)).rejects.toMatchObject({ code: "INVALID_FILE" });
});

test("parallel texts must have as many lines as each other; pairs with an empty side are left out", async () => {
  const [a, b] = [await file("a.de", "eins\nzwei\n\n"), await file("a.en", "one\n\nthree\n")];
  expect(await readParallel(a, b)).toEqual({ source: ["eins"], target: ["one"] });
  await expect(readParallel(a, await file("b.en", "one\n"))).rejects.toThrow("got 3 and 1");
});

test("a folder of two languages is translations, from and to as asked", async () => {
  for (const [name, content] of [
    ["train.de", "eins\nzwei"],
    ["train.en", "one\ntwo"],
    ["val.de", "drei"],
    ["val.en", "three"],
  ] as const)
    await file(name, content);
  expect(await isTexts(folder)).toBe(true);
  expect(await isTexts("shapes")).toBe(false);
  const cache = { folder: join(folder, "cache"), offline: true };
  expect(await openTexts(folder, { cache, languages: "en-de" })).toMatchObject({
    kind: "translations",
    languages: ["en", "de"],
    train: { source: ["one", "two"], target: ["eins", "zwei"] },
    validation: { source: ["three"], target: ["drei"] },
  });
  await expect(openTexts(folder, { cache, languages: "en-fr" })).rejects.toThrow("got en-fr, it has de, en");
  await expect(openTexts(folder, { cache, languages: "en-fr" })).rejects.toThrow("and no train.fr");
  await expect(openTexts(folder, { cache, languages: "english" })).rejects.toThrow("got english, it has de, en in");
  await expect(openTexts("multi30k", { cache, dataDir: folder })).rejects.toThrow("must be in --data-dir");
  await expect(openTexts("tinyshakespeare", { cache })).rejects.toThrow("offline");
});

test("what is held back is no part of what is learned from", () => {
  expect(heldOut("0123456789", 0.2)).toEqual({ train: "01234567", validation: "89" });
  const words = Array.from({ length: 20 }, (_, i) => String(i));
  const { train, validation } = splitPairs({ source: words, target: words }, 0.1, 3);
  expect(validation.source).toHaveLength(2);
  expect([...train.source, ...validation.source].sort()).toEqual([...words].sort());
  expect(train.target).toEqual(train.source);
  expect(() => splitPairs({ source: ["a"], target: ["b"] }, 0.1, 0)).toThrow("at least two pairs");
});
