import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type CardFacts, cardForLayout, modelCard } from "../../src/pretrained/card.ts";
import { copyCard, knownFacts } from "../../src/pretrained/card-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";

const scratch = mkdtempSync(join(tmpdir(), "card-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const facts: CardFacts = {
  name: 'ants "and" bees: a test',
  architecture: "vit_tiny_patch16_224",
  parameters: 5_524_802,
  inputSize: [3, 224, 224],
  labels: ["ant", "bee"],
  layout: "timm",
  license: "apache-2.0",
  from: "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
  training: {
    ...{ data: "hymenoptera", images: 122, epochs: 8, seconds: 200 },
    settings: { epochs: 8, learningRate: 0.0001 },
    environment: { vitrine: "0.1.0", device: "cpu, 2 threads" },
  },
  accuracy: {
    ...{ data: "hymenoptera", judged: "validation images", correct: 57, count: 60, interval: [0.863, 0.983] },
    ...{ loss: 0.1523, calibrationError: 0.041, chosenBy: true },
  },
  limits: ["It has seen no wasps."],
};

/** The front matter's lines: `key: value`, every value JSON or a plain word. */
function frontMatter(card: string): Readonly<Record<string, string>> {
  const [, body] = card.match(/^---\n([\s\S]*?)\n---\n/)!;
  return Object.fromEntries(body!.split("\n").map((line) => line.match(/^\s*-?\s*([\w-]+): ?(.*)$/)!.slice(1, 3)));
}

test("the front matter says what the hub asks for", () => {
  const found = frontMatter(modelCard(facts));
  expect(JSON.parse(found.license!)).toBe("apache-2.0");
  expect(found.library_name).toBe("timm");
  expect(found.pipeline_tag).toBe("image-classification");
  expect(JSON.parse(found.tags!)).toContain("vitrine");
  expect(JSON.parse(found.datasets!)).toEqual(["hymenoptera"]);
  expect(JSON.parse(found.base_model!)).toBe(facts.from);
  expect(JSON.parse(found.name!)).toBe(facts.name);
  expect(found.metrics).toContain("value: 0.95}");
});

test("the card has the measured accuracy, the recipe, the limits and three ways to load it", () => {
  const card = modelCard(facts);
  for (const part of [
    "| hymenoptera, 60 validation images | 95.00 % (57 right) | 86.30 % to 98.30 % | 0.1523 | 4.10 % |",
    "The best epoch was chosen by the same images",
    '"learningRate": 0.0001',
    "- It has seen no wasps.",
    "npx vitrine classify IMAGE --model THIS_FOLDER",
    'timm.create_model("local-dir:THIS_FOLDER", pretrained=True)',
    "--layout huggingface",
  ])
    expect(card).toContain(part);
});

test("what is not known is left out, and said where it matters", () => {
  const { name, architecture, parameters, inputSize, labels } = facts;
  const card = modelCard({ name, architecture, parameters, inputSize, labels, layout: "huggingface" });
  expect(Object.keys(frontMatter(card))).toEqual(["library_name", "pipeline_tag", "tags"]);
  expect(card).toContain("Nobody has measured its accuracy here.");
  expect(card).toContain('AutoModelForImageClassification.from_pretrained("THIS_FOLDER")');
  expect(card).toContain("it may cut the middle one pixel further up or left");
  expect(card).not.toMatch(/undefined|NaN/);
});

test("a model without a head is no classifier, in either layout", () => {
  const { name, architecture, parameters, inputSize } = facts;
  const card = modelCard({ name, architecture, parameters, inputSize, labels: [], layout: "timm" });
  for (const one of [card, cardForLayout(card, "huggingface")]) {
    expect(frontMatter(one).pipeline_tag).toBe("image-feature-extraction");
    expect(one).toContain("npx vitrine train DATA --from THIS_FOLDER");
    expect(one).not.toMatch(/classifier|classify|0 classes|What it knows|accuracy/);
  }
});

test("a folder on a disk is no base model of the hub, and no data set of it", () => {
  expect(modelCard({ ...facts, training: { ...facts.training!, data: "my photos" } })).not.toContain("datasets:");
  expect(modelCard({ ...facts, from: "/home/me/models/vit" })).not.toContain("base_model");
  expect(modelCard({ ...facts, from: "./vit/model.safetensors" })).not.toContain("base_model");
});

test("a card for another layout is the one that would be written there", () => {
  const other: CardFacts = { ...facts, layout: "huggingface" };
  expect(cardForLayout(modelCard(facts), "huggingface")).toBe(modelCard(other));
  expect(cardForLayout(modelCard(other), "timm")).toBe(modelCard(facts));
});

test("a card of others keeps its words", () => {
  const theirs = "---\nlicense: mit\nlibrary_name: timm\n---\n# Theirs\n\nText.\n";
  expect(cardForLayout(theirs, "huggingface")).toBe(theirs.replace("timm", "transformers"));
});

test("an export takes the card along, and makes one where there is none", async () => {
  const pretrained = newPretrained("vit_tiny_patch16_224", {
    labels: ["ant", "bee"],
    options: { imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2 },
  });
  const read = (): string => readFileSync(join(scratch, "README.md"), "utf8");
  await copyCard(join(scratch, "nowhere"), scratch, pretrained, "timm");
  expect(read()).toBe(modelCard(knownFacts(pretrained, "timm")));
  writeFileSync(join(scratch, "README.md"), modelCard(facts));
  await copyCard(scratch, scratch, pretrained, "huggingface");
  expect(read()).toBe(modelCard({ ...facts, layout: "huggingface" }));
  writeFileSync(join(scratch, "README.md"), "# My project\n");
  await copyCard(scratch, scratch, pretrained, "timm");
  expect(read()).toBe(modelCard(knownFacts(pretrained, "timm")));
});
