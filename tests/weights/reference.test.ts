import { expect, test } from "vitest";
import { parseReference } from "../../src/weights/reference.ts";

const disk = (path: string) =>
  path === "runs/one" ? "directory" : path === "w.bin" || path === "vit_local" ? "file" : undefined;
const parse = (text: string) => parseReference(text, disk);

test("what is on disk is a path", () => {
  expect(parse("runs/one")).toEqual({ kind: "directory", path: "runs/one" });
  expect(parse("w.bin")).toEqual({ kind: "file", path: "w.bin" });
  expect(parse("vit_local")).toEqual({ kind: "file", path: "vit_local" });
});

test("hub ids have an owner and a name, and a revision after @", () => {
  expect(parse("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k")).toEqual({
    kind: "hub",
    repo: "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    revision: "main",
  });
  expect(parse("google/vit-base-patch16-224@refs/pr/3")).toMatchObject({
    repo: "google/vit-base-patch16-224",
    revision: "refs/pr/3",
  });
  expect(parse("hf:runs/one")).toEqual({ kind: "hub", repo: "runs/one", revision: "main" });
});

test("one word is a name", () => {
  expect(parse("vit_tiny_patch16_224")).toEqual({ kind: "name", name: "vit_tiny_patch16_224" });
  expect(parse("vitrine-shapes")).toEqual({ kind: "name", name: "vitrine-shapes" });
});

test.each(["./runs/two", "../x", "/abs/dir", "model.safetensors", "a/b.pth", "~/m", "C:\\m", "."])(
  "%s looks like a path and must be there",
  (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  },
);

test.each([
  "",
  "a/b/c",
  "a b",
  "-x/y",
  "org/na--me",
  "org/..name",
  "hf:",
  "hf:one",
  "org/name@",
  "org/name@../x",
  "x@main",
])("%j is none of these", (text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});
