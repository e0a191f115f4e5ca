import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFolder, splitFolders } from "../../../src/data/datasets/folder-node.ts";
import { skippedKinds } from "../../../src/data/datasets/skipped.ts";
import { openDataset } from "../../../src/data/open-node.ts";
import { hasShared, sharedPath } from "../../shared.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "vitrine-folder-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "x");
  }
}

test("classes and files are sorted by code point, folders within classes are searched, endings may be in capitals", async () => {
  put("b/2.jpg", "b/10.PNG", "B/1.webp", "a/sub/deep/3.jpeg", "a/0.gif", "é/1.jpg", "\u{ffff}/1.jpg", "😀/1.jpg");
  const dataset = await openFolder(root);
  expect(dataset.classes).toEqual(["B", "a", "b", "é", "\u{ffff}", "😀"]);
  expect(dataset.source.files.map((file) => file.slice(root.length + 1))).toEqual([
    "B/1.webp",
    "a/0.gif",
    "a/sub/deep/3.jpeg",
    "b/10.PNG",
    "b/2.jpg",
    "é/1.jpg",
    "\u{ffff}/1.jpg",
    "😀/1.jpg",
  ]);
  expect(Array.from({ length: dataset.length }, (_, i) => dataset.labelOf(i))).toEqual([0, 1, 1, 2, 2, 3, 4, 5]);
});

test("hidden files, other files, broken links and links upward are skipped and listed; good links are followed", async () => {
  put("a/1.jpg", "a/notes.txt", "a/.DS_Store", "b/1.jpg", ".git/x.jpg", "__MACOSX/y.jpg", "loose.jpg");
  symlinkSync(join(root, "a", "1.jpg"), join(root, "b", "linked.jpg"));
  symlinkSync(join(root, "nowhere.jpg"), join(root, "b", "broken.jpg"));
  symlinkSync(join(root, "b"), join(root, "b", "again"));
  const dataset = await openFolder(root);
  expect(dataset.classes).toEqual(["a", "b"]);
  expect(dataset.source.files.map((file) => file.slice(root.length + 1))).toEqual([
    "a/1.jpg",
    "b/1.jpg",
    "b/linked.jpg",
  ]);
  expect(Object.fromEntries(dataset.skipped.map(({ file, reason }) => [file.slice(root.length + 1), reason]))).toEqual({
    ".git": "hidden",
    __MACOSX: "hidden",
    "loose.jpg": "not in a class folder",
    "a/.DS_Store": "hidden",
    "a/notes.txt": "not named like an image",
    "b/again": "a link to a folder above it",
    "b/broken.jpg": "broken link",
  });
});

test("each way in which a folder is no data set has its own one-line error", async () => {
  const fails = async (path: string, options = {}): Promise<string> => {
    const error = await openFolder(path, options).then(
      () => expect.unreachable(),
      (e: { code: string; message: string }) => e,
    );
    expect(error.message).not.toContain("\n");
    return `${error.code}: ${error.message.replaceAll(root, "ROOT")}`;
  };
  expect(await fails(join(root, "none"))).toBe(
    "NOT_FOUND: a data set must be a readable folder, nothing has this name in ROOT/none",
  );
  expect(await fails(root)).toMatch(
    /^DATA_PROBLEM: a data set must be a folder of class folders, it has no folder in ROOT; put each/,
  );
  put("tales/README.md", "tales/1.txt", "tales/notes.pdf");
  expect(await fails(join(root, "tales"))).toMatch(
    /it has no folder in .* a folder of nothing else, notes.pdf is none$/,
  );
  rmSync(join(root, "tales"), { recursive: true });
  put("1.jpg", "2.png");
  expect(await fails(join(root, "1.jpg"))).toBe(
    "INVALID_FILE: a data set must be a readable folder, a file is in the place of a folder in ROOT/1.jpg",
  );
  expect(await fails(root)).toMatch("got 2 images and no folder in ROOT");
  put("a/readme.md", "b/readme.md");
  expect(await fails(root)).toMatch(
    "a data set must have images, none in 2 folders; left out: 2 .md, 1 .jpg, 1 .png in ROOT",
  );
  put("a/1.jpg");
  expect(await fails(root)).toMatch(
    "each class must have images, none in b; left out: 1 .md in ROOT; remove the folders or fill them",
  );
  rmSync(join(root, "b"), { recursive: true });
  expect(await fails(root)).toMatch("there must be at least two classes, got only a in ROOT");
  put("b/1.jpg");
  expect(await fails(root, { classes: ["a", "c"] })).toMatch("its classes must be among a, c, got b in ROOT");
});

test("files that are left out are counted by their endings in the error, and HEIC says what to do", async () => {
  put("a/1.HEIC", "a/2.heic", "a/notes.txt", "b/3.heif");
  const message = await openFolder(root).then(
    () => expect.unreachable(),
    (error: Error) => error.message,
  );
  expect(message).toMatch(/must have images, none in 2 folders; left out: 2 \.heic, 1 \.heif, 1 \.txt in /);
  expect(message).toMatch(/HEIC photographs cannot be read here: export them as JPEG/);
  put("a/1.jpg");
  await expect(openFolder(root)).rejects.toThrow(/none in b; left out: 1 \.heif in .*export them as JPEG/);
  put("b/1.jpg");
  const { skipped } = await openFolder(root);
  expect(skippedKinds(skipped)).toEqual([
    { ending: ".heic", reason: "HEIC cannot be read here; export as JPEG", count: 2, first: join(root, "a/1.HEIC") },
    { ending: ".heif", reason: "HEIC cannot be read here; export as JPEG", count: 1, first: join(root, "b/3.heif") },
    { ending: ".txt", reason: "not named like an image", count: 1, first: join(root, "a/notes.txt") },
  ]);
});

test("split folders are recognised under their usual names, and share the classes of training", async () => {
  put("train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "valid/a/1.jpg", "valid/c/2.jpg", "test/b/1.jpg");
  expect(await splitFolders(root)).toEqual({
    train: join(root, "train"),
    validation: join(root, "valid"),
    test: join(root, "test"),
  });
  const { train, validation, test: held } = await openDataset(root);
  expect(train.classes).toEqual(["a", "b", "c"]);
  expect(validation!.classes).toEqual(["a", "b", "c"]);
  expect([validation!.labelOf(0), validation!.labelOf(1), held!.labelOf(0)]).toEqual([0, 2, 1]);
  put("plain/a/1.jpg", "plain/b/1.jpg");
  expect(await splitFolders(join(root, "plain"))).toEqual({ train: join(root, "plain") });
});

test.skipIf(!hasShared)("hymenoptera opens, GIF and all, and every image decodes", async () => {
  const { train, validation } = await openDataset(sharedPath("data/hymenoptera"));
  expect([train.name, train.classes, train.length]).toEqual(["hymenoptera/train", ["ants", "bees"], 122]);
  expect([validation!.name, validation!.length]).toEqual(["hymenoptera/val", 60]);
  for (const dataset of [train, validation!])
    for (let i = 0; i < dataset.length; i++) {
      const { image, label, file } = await dataset.get(i);
      expect(image.channels).toBe(3);
      expect(file).toContain(dataset.classes[label]!);
    }
});
