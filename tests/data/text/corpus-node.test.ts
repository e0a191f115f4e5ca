import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { heldOut, splitPairs } from "../../../src/data/text/corpus.ts";
import { readLines, readParallel, readText } from "../../../src/data/text/corpus-node.ts";
import { cutText, documentsOf, textOf } from "../../../src/data/text/documents.ts";
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

test("a folder of texts, JSON lines and marks in a text are documents, each ended by a mark", async () => {
  const place = join(folder, "texts");
  await mkdir(join(place, "more"), { recursive: true });
  await writeFile(join(place, "README.md"), "what it is");
  await writeFile(join(place, "b.txt"), "b\r\n");
  await writeFile(join(place, "empty.txt"), "\n");
  await writeFile(join(place, "more", "the final test.txt.gz"), gzipSync("one\n<|endoftext|>\n\ntwo\n<|endoftext|>\n"));
  await writeFile(
    join(place, "more", "a.jsonl"),
    '{"text": " x\\n"}\n\n{"text": "", "id": 1}\n{"id": 2, "text": "y"}\n',
  );
  const cache = { folder: join(folder, "cache"), offline: true };
  expect(await isTexts(place)).toBe(true);
  expect(await openTexts(place, { cache })).toMatchObject({
    kind: "text",
    name: "texts",
    text: [..."b\n| x\n|y|one|two|"].join("").replaceAll("|", "<|endoftext|>"),
    validation: undefined,
  });
  expect(await openTexts(join(place, "b.txt"), { cache })).toEqual({ kind: "text", name: "b", text: "b\n" });
  expect(await openTexts(join(place, "more", "a.jsonl"), { cache })).toMatchObject({ name: "a", kind: "text" });
  expect(await isTexts(join(place, "more", "a.jsonl"))).toBe(true);
  await writeFile(join(place, "image.png"), "");
  expect(await isTexts(place)).toBe(false);
});

test("files of texts that are called after a part are that part", async () => {
  const place = join(folder, "parts");
  await mkdir(join(place, "test"), { recursive: true });
  for (const name of [
    "train-00000-of-00002.txt",
    "train-00001-of-00002.txt",
    "the last test.txt",
    "valley.txt",
    "test/a.txt",
  ])
    await writeFile(join(place, name), name);
  const cache = { folder: join(folder, "cache"), offline: true };
  const end = "<|endoftext|>";
  expect(await openTexts(place, { cache })).toMatchObject({
    text: ["the last test.txt", "train-00000-of-00002.txt", "train-00001-of-00002.txt", "valley.txt"]
      .map((name) => name + end)
      .join(""),
    test: "test/a.txt",
  });
  // With a word in every name, words count wherever they stand.
  await rm(join(place, "valley.txt"));
  await rename(join(place, "the last test.txt"), join(place, "wiki.valid.txt"));
  expect(await openTexts(place, { cache })).toMatchObject({ validation: "the last test.txt", test: "test/a.txt" });
  for (const name of ["train-00000-of-00002.txt", "train-00001-of-00002.txt"]) await rm(join(place, name));
  await expect(openTexts(place, { cache })).rejects.toThrow("must be texts to learn from");
  await rm(join(place, "test"), { recursive: true });
  expect(await openTexts(place, { cache })).toMatchObject({ text: "the last test.txt" });
});

test("what lies beside texts is left out by its whole name, links are followed, and a folder that is closed is said", async () => {
  const place = join(folder, "linked");
  await mkdir(join(place, "more"), { recursive: true });
  for (const name of ["LICENSE.txt", "Notice to quit.txt", "more/b.txt"]) await writeFile(join(place, name), name);
  await mkdir(join(folder, "elsewhere"));
  await writeFile(join(folder, "elsewhere", "c.txt"), "c");
  await symlink(join(folder, "elsewhere"), join(place, "more", "away"));
  await symlink(place, join(place, "more", "round"));
  const cache = { folder: join(folder, "cache"), offline: true };
  const end = "<|endoftext|>";
  expect(await openTexts(place, { cache })).toMatchObject({ text: `Notice to quit.txt${end}c${end}more/b.txt${end}` });
  if (process.getuid?.() === 0) return;
  await chmod(join(place, "more"), 0);
  await expect(openTexts(place, { cache })).rejects.toThrow("a folder of texts must be a readable folder");
});

test("very many documents are read", async () => {
  const lines = await file("many.jsonl", '{"text": "a"}\n'.repeat(200_000));
  const texts = await openTexts(lines, { cache: { folder: join(folder, "cache"), offline: true } });
  expect(texts.kind === "text" && documentsOf(texts.text)).toHaveLength(200_000);
});

test("lines that have no text are refused with their number; lists of pictures are no texts", async () => {
  const cache = { folder: join(folder, "cache"), offline: true };
  const strange = await file("strange.jsonl", '{"text": "a"}\n{"text": 3}\n');
  await expect(openTexts(strange, { cache })).rejects.toThrow('JSON object with a "text", got 3 in');
  await expect(openTexts(strange, { cache })).rejects.toMatchObject({ code: "INVALID_FILE" });
  const none = await file("none.jsonl", '{"text": " "}\n');
  await expect(openTexts(none, { cache })).rejects.toThrow("must have a word");
  expect(await isTexts(await file("packed.jsonl.gz", '{"text": "a"}\n'))).toBe(true);
  expect(await isTexts(await file("captions.jsonl", '{"file_name": "a.png", "text": "a"}\n'))).toBe(false);
  expect(await isTexts(await file("broken.jsonl", "{"))).toBe(false);
  expect(await isTexts(await file("code.jsonl", '{"path": "a.py", "text": "a"}\n'))).toBe(true);
  const lists = join(folder, "lists");
  await mkdir(lists);
  await writeFile(join(lists, "metadata.jsonl"), '{"file_name": "a.png", "label": "cat", "text": "a"}\n');
  expect(await isTexts(lists)).toBe(false);
  // Cut off after its first line: enough to see what it is, and reading says the rest.
  const cut = gzipSync(
    `{"text": "a"}\n${Array.from({ length: 4000 }, (_, i) => `{"text": "${i * 7919}"}`).join("\n")}`,
  );
  await writeFile(join(folder, "cut.jsonl.gz"), cut.subarray(0, cut.length - 2000));
  expect(await isTexts(join(folder, "cut.jsonl.gz"))).toBe(true);
  await expect(openTexts(join(folder, "cut.jsonl.gz"), { cache })).rejects.toThrow("must be whole gzip");
});

test("documents come out of a text as they went in, and a cut leaves marks whole", () => {
  const end = "<|endoftext|>";
  expect(textOf(["a"])).toBe("a");
  expect(documentsOf("a\n")).toEqual(["a\n"]);
  expect(documentsOf(textOf([" a\nb", "c "]))).toEqual([" a\nb", "c "]);
  const text = textOf(["abc", "de"]);
  for (let at = 0; at <= text.length; at++) {
    const [before, after] = cutText(text, at);
    expect(before + after).toBe(text);
    expect(before.length).toBe(at > 3 && at < 3 + end.length ? 3 + end.length : at > 5 + end.length ? text.length : at);
  }
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
