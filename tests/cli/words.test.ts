/** `generate` and `translate` as a person types them. */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { hasShared, sharedPath } from "../shared.ts";
import { temporaryFolder, vitrine } from "./process.ts";
import { writeGpt, writeMarian } from "./word-folders.ts";

const folder = temporaryFolder();
const call = (args: readonly string[], input = "") => vitrine(args, { cwd: folder, input });
const writeFile = (name: string, text: string): void => writeFileSync(join(folder, name), text);

interface Written {
  readonly model: string;
  readonly prompt: string;
  readonly text: string;
}

beforeAll(async () => {
  writeGpt(join(folder, "gpt"));
  await writeMarian(join(folder, "marian"));
  writeGpt(join(folder, "bare"));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) rmSync(join(folder, "bare", name));
  writeGpt(join(folder, "small"), { words: 300 });
  writeLetters("letters");
});

test("a text goes on after its prompt, the same with the same seed", async () => {
  const args = ["generate", "gpt", "the cat", "--tokens", "8", "--seed", "3"];
  const { code, stdout, stderr } = await call(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^the cat[\s\S]+\n$/);
  expect((await call(args)).stdout).toBe(stdout);
  const [json] = JSON.parse((await call([...args, "--json"])).stdout) as readonly Written[];
  expect(json).toMatchObject({ model: "gpt", prompt: "the cat" });
  expect(`${json!.prompt}${json!.text}\n`).toBe(stdout);
  expect((await call([...args.slice(0, -1), "4"])).stdout).not.toBe(stdout);
});

test("the prompt may come from standard input", async () => {
  const how = ["--tokens", "5", "--temperature", "0"];
  const given = await call(["generate", "gpt", "-", ...how], "the dog\n");
  expect(given.code).toBe(0);
  expect(given.stdout).toBe((await call(["generate", "gpt", "the dog", ...how])).stdout);
});

test("explain reads standard input, too", async () => {
  const { stdout, stderr } = await call(["explain", "-", "--model", "gpt", "--out", "in.svg", "--json"], "the cat\n");
  expect(JSON.parse(stdout), stderr).toMatchObject({ text: "the cat" });
});

test("a text that the model has no more room for says so, and that it did not end", async () => {
  const prompts = ["generate", "gpt", "the cat", "and", "--json", "--temperature", "0"];
  for (const [how, told] of [
    [["--tokens", "40"], /text 1 stops after \d+ new tokens: the model holds 24[\s\S]*text 2 stops after \d+ new/],
    [["--tokens", "40", "--beams", "2"], /text 1 stops after \d+ new tokens[\s\S]*text 2 stops after \d+ new/],
    [["--tokens", "3"], /^$/],
  ] as const) {
    const args = how.includes("--beams" as never) ? prompts.slice(0, -2) : prompts;
    const { stdout, stderr } = await call([...args, ...how]);
    expect((JSON.parse(stdout) as readonly { readonly ended: boolean }[]).map(({ ended }) => ended)).toEqual([
      false,
      false,
    ]);
    expect(stderr).toMatch(told);
  }
});

test("several prompts are written together as each would be alone, with every way to choose", async () => {
  for (const how of [
    ["--temperature", "0", "--repetition-penalty", "1.3"],
    ["--beams", "3"],
    ["--temperature", "0.7", "--top-k", "1"],
  ]) {
    const options = ["--tokens", "6", "--json", ...how];
    const both = await call(["generate", "gpt", "the cat and the", "dog", ...options]);
    expect(both.stderr).toBe("");
    const texts = (JSON.parse(both.stdout) as readonly Written[]).map(({ text }) => text);
    const [alone] = JSON.parse((await call(["generate", "gpt", "dog", ...options])).stdout) as readonly Written[];
    expect(texts).toHaveLength(2);
    expect(texts[1]).toBe(alone!.text);
  }
});

test("lines are translated in their order; empty ones stay empty", async () => {
  const lines = ["the cat and the dog", "", "and", "the dog sat"];
  writeFile("lines.txt", `${lines.join("\n")}\n`);
  const how = ["--tokens", "6", "--beams", "2", "--length-penalty", "0.6"];
  const whole = await call(["translate", "marian", "--file", "lines.txt", ...how]);
  expect(whole).toMatchObject({ code: 0, stderr: "" });
  const told = whole.stdout.split("\n");
  expect(told).toHaveLength(5);
  expect(told[1]).toBe("");
  const alone = await call(["translate", "marian", lines[0]!, lines[2]!, lines[3]!, "--batch", "1", ...how]);
  expect(alone.stdout.split("\n")).toEqual([told[0], told[2], told[3], ""]);
  expect((await call(["translate", "marian", "-", ...how], `${lines.join("\n")}\n`)).stdout).toBe(whole.stdout);
});

test.skipIf(!hasShared)(
  "a folder of CTranslate2's letters translates, explains and may be told how to begin",
  async () => {
    const letters = sharedPath("data", "seq2seq-transliteration");
    const { stdout, stderr } = await call(["translate", letters, "آتزمون", "آ ت ش ي س و ن", "--beams", "2"]);
    expect({ stdout, stderr }).toEqual({ stdout: "atzmon\nachison\n", stderr: "" });
    const begun = await call(["translate", letters, "آتشيسون", "--prefix", "ache"]);
    expect(begun.stdout).toBe("acheson\n");
    const strange = await call(["translate", letters, "آt"]);
    expect(strange.code).toBe(0);
    expect(strange.stderr).toContain("line 1: the vocabulary has no t");
    const picture = await call(["explain", "آتزمون", "--model", letters, "--out", "letters.png", "--json"]);
    expect(JSON.parse(picture.stdout)).toMatchObject({ translation: "atzmon", method: "attention" });
  },
);

test("the alignment has a row for each token of the translation", async () => {
  const { stdout, code } = await call(["translate", "marian", "the cat", "--tokens", "5", "--alignment", "--json"]);
  expect(code).toBe(0);
  const [{ alignment }] = JSON.parse(stdout) as [
    { readonly alignment: { readonly source: string[]; readonly target: string[]; readonly weights: number[][] } },
  ];
  expect(alignment.source.join("")).toBe("the cat");
  expect(alignment.weights).toHaveLength(alignment.target.length);
  for (const row of alignment.weights) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
});

test("explain draws what a model of words did with a text", async () => {
  const alignment = ["the cat", "--model", "marian", "--target", "and the dog", "--method", "alignment", "--json"];
  const { code, stdout } = await call(["explain", ...alignment]);
  expect(code).toBe(0);
  const told = JSON.parse(stdout) as { readonly out: string; readonly groups: readonly { readonly maps: unknown[] }[] };
  expect(told).toMatchObject({ method: "alignment", translation: "and the dog", out: "marian-alignment.png" });
  expect([...readFileSync(join(folder, told.out)).subarray(1, 4)].map((c) => String.fromCharCode(c)).join("")).toBe(
    "PNG",
  );
  const svg = await call(["explain", "the cat", "--model", "gpt", "--out", "attention.svg"]);
  expect(svg.stdout).toContain("self-attention");
  expect(readFileSync(join(folder, "attention.svg"), "utf8")).toContain("·cat");
});

test("a GPT is exported with its cache", async () => {
  const { code, stdout } = await call(["export", "gpt", "gpt.onnx", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ form: "onnx", layers: 2, input: { input_ids: ["b", "n"] } });
  expect(existsSync(join(folder, "gpt.onnx"))).toBe(true);
});

const problems: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  ["an empty prompt", ["generate", "gpt", "and", ""], /a prompt must not be empty in prompt 2/],
  ["no prompt", ["generate", "gpt"], /give at least one prompt, got MODEL alone: "gpt"/],
  ["a text that looks like a hub id", ["generate", "and/or"], /got MODEL alone: "and\/or".*put MODEL before it/],
  ["a sentence that looks like one", ["translate", "und/oder"], /got MODEL alone: "und\/oder".*put MODEL before it/],
  ["a long text that is none", ["generate", `./${"x".repeat(300)}`, "the"], /must exist/],
  ["an over-long prompt", ["generate", "gpt", "the cat ".repeat(30)], /the model holds 24 tokens, got \d+ in prompt 1/],
  ["an empty sentence", ["translate", "marian", ""], /a text must not be empty in text 1/],
  ["an over-long sentence", ["translate", "marian", "cat ".repeat(60)], /at most 32 tokens, got \d+ in text 1/],
  ["no sentence", ["translate", "marian"], /give at least one sentence/],
  [
    "a missing file",
    ["translate", "marian", "--file", "none.txt"],
    /a text must be a readable file, nothing has this name in none.txt/,
  ],
  ["an alignment without JSON", ["translate", "marian", "the", "--alignment"], /told in JSON; add --json/],
  [
    "a GPT for a translator",
    ["translate", "gpt", "the cat"],
    /takes a model that translates, got one of the kind gpt2 in gpt; `vitrine generate`/,
  ],
  [
    "a translator for a GPT",
    ["generate", "marian", "the cat"],
    /goes on with texts, got one of the kind transformer in marian; `vitrine translate`/,
  ],
  ["a model of images", ["generate", "vit-digits", "the cat"], /got a model of images, vit_\w+ in vit-digits/],
  ["a file for a folder", ["generate", "gpt/model.safetensors", "the"], /is a folder with config.json/],
  ["a folder that is not there", ["generate", "./none", "the"], /must exist, got ".\/none"/],
  [
    "a mistyped folder",
    ["translate", "mariam", "the cat"],
    /looks like a model's name .*got "mariam"; did you mean marian\?/,
  ],
  [
    "a mistyped name",
    ["generate", "chr-gpt"],
    /got "chr-gpt"; did you mean char-gpt\? Where it is the text, put MODEL/,
  ],
  ["an unknown name", ["generate", "my-own-model", "the"], /got "my-own-model"; the package has char-gpt, /],
  ["a folder without a tokenizer", ["generate", "bare", "the"], /must hold tokenizer.json/],
  [
    "another model's tokenizer",
    ["generate", "small", "the"],
    /ids must be words of the model, got 317 ids for 300 words/,
  ],
  ["an image's choice for a text", ["explain", "the", "--model", "gpt", "--class", "3"], /--class is for images/],
  [
    "an image's method for a text",
    ["explain", "the", "--model", "gpt", "--method", "rollout"],
    /one of attention, align/,
  ],
  ["a translator as .onnx", ["export", "marian", "m.onnx"], /a GPT can be exported as .onnx, got a WordTransformer/],
  ["unknown symbols", ["generate", "letters", "a cöt"], /got "ö" at character 4 in prompt 1/],
];

test("a text that is longer than a path can be is a text", async () => {
  const over = await call(["generate", "To be, ".repeat(40)]);
  expect(over.stderr).toMatch(/the model holds 128 tokens, got 280 in prompt 1/);
  const long = "Zwei junge Männer spielen Fußball am Strand. ".repeat(7);
  const translated = await call(["translate", long, "--tokens", "8"]);
  expect(translated.code, translated.stderr).toBe(0);
});

test("texts that are no names go to the package's own model", async () => {
  for (const text of ["To be", "love", "To-morrow, and", "marry"]) {
    const { code, stdout, stderr } = await call(["generate", text, "--tokens", "4"]);
    expect({ code, begins: stdout.startsWith(text) }, stderr).toEqual({ code: 0, begins: true });
  }
  const named = await call(["generate", "char-gpt", "to-morrow", "--tokens", "4"]);
  expect(named).toMatchObject({ code: 0, stderr: "" });
});

test.each(problems)("%s fails with one line", async (_, args, message) => {
  const { code, stdout, stderr } = await call(args);
  expect(stderr.split("\n").filter((line) => line.startsWith("vitrine: "))).toHaveLength(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  // What was typed is wrong, or what lies there is.
  const wrongUsage = !/must exist|readable|must hold|words of the model/.test(stderr);
  expect({ code, stdout }).toEqual({ code: wrongUsage ? 2 : 1, stdout: "" });
});

test("drawing and searching exclude each other", async () => {
  const { code, stderr } = await call(["generate", "gpt", "the", "--beams", "2", "--top-k", "5"]);
  expect(code).toBe(2);
  expect(stderr).toContain("--beams");
});

/** A GPT whose vocabulary is a few letters. */
function writeLetters(name: string): void {
  const letters = [..."abcdefghijklmnopqrstuvwxyz "];
  writeGpt(join(folder, name), { words: letters.length });
  const tokenizer = {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: "." }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: { type: "BPE", vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
  };
  rmSync(join(folder, name, "tokenizer_config.json"));
  writeFile(join(name, "tokenizer.json"), JSON.stringify(tokenizer));
}
