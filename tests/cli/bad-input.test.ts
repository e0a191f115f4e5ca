import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { safetensorsPieces } from "../../src/weights/safetensors.ts";
import { filesBelow, type Result, temporaryFolder, vitrine, weightsOf } from "./process.ts";
import { tinyConfig, writeConfig, writeImages } from "./tiny.ts";

const folder = temporaryFolder();
const config = writeConfig(folder, { epochs: 1 });

beforeAll(async () => {
  await writeImages(folder, { good: 1 });
  const args = ["train", "shapes", "--config", config, "--limit", "60", "--out", "model"];
  expect((await vitrine(args, { cwd: folder })).code).toBe(0);
});

/** One line for people, no stack, and a code that says that the job failed. */
function expectFailure({ code, stdout, stderr }: Result, message: RegExp): void {
  expect(stderr.split("\n").filter((line) => line.startsWith("vitrine: "))).toHaveLength(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
}

const dataProblems: readonly (readonly [
  what: string,
  make: (path: string) => void | Promise<void>,
  message: RegExp,
])[] = [
  ["a missing folder", () => {}, /must be a file or folder that is there/],
  ["an empty folder", (path) => void mkdirSync(path), /folder of class folders, it has no folder/],
  [
    "a file in place of a folder",
    (path) => writeFileSync(path, "x"),
    /must be a folder of class folders, .* got a file of another kind/,
  ],
  ["loose images", async (path) => writeImages(path, { "": 3 }), /got 3 images and no folder/],
  ["one class only", async (path) => writeImages(path, { cats: 3 }), /at least two classes, got only cats/],
  [
    "class folders without images",
    (path) => void mkdirSync(join(path, "cats"), { recursive: true }),
    /must have images/,
  ],
  [
    "an empty class",
    async (path) => {
      await writeImages(path, { cats: 3 });
      mkdirSync(join(path, "dogs"));
    },
    /each class must have images, none in dogs/,
  ],
  [
    "images that are none",
    (path) => {
      for (const name of ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"]) {
        mkdirSync(join(path, name, ".."), { recursive: true });
        writeFileSync(join(path, name), "no image");
      }
    },
    /must have readable images/,
  ],
  [
    "validation images of other classes",
    async (path) => {
      await writeImages(join(path, "train"), { cats: 3, dogs: 3 });
      await writeImages(join(path, "val"), { cats: 3, wolves: 3 });
    },
    /its classes must be among cats, dogs, got wolves/,
  ],
];

test.each(dataProblems)("train on %s fails with one line and leaves nothing behind", async (_, make, message) => {
  const place = temporaryFolder();
  await make(join(place, "data"));
  const before = filesBelow(place);
  expectFailure(await vitrine(["train", "./data", "--quiet"], { cwd: place }), message);
  expect(filesBelow(place)).toEqual(before);
});

const isRoot = process.getuid?.() === 0;

test.skipIf(isRoot && !canDropRights())("train on a folder that may not be read fails with one line", async () => {
  const place = temporaryFolder();
  await writeImages(join(place, "data"), { cats: 2, dogs: 2 });
  chmodSync(join(place, "data"), 0o000);
  chmodSync(place, 0o755);
  // Root may read everything: the command runs as nobody.
  const result = isRoot
    ? await vitrine(["train", join(place, "data"), "--quiet"], { cwd: "/", user: 65534 })
    : await vitrine(["train", "./data", "--quiet"], { cwd: place });
  chmodSync(join(place, "data"), 0o755);
  expectFailure(result, /must be a readable folder, this user may not/);
});

/** Whether another user can run this checkout. */
function canDropRights(): boolean {
  try {
    execFileSync(process.execPath, ["-e", "0"], { uid: 65534, cwd: "/" });
    execFileSync("test", ["-r", new URL("../../package.json", import.meta.url).pathname], { uid: 65534, cwd: "/" });
    return true;
  } catch {
    return false;
  }
}

test("eval with classes that the model does not know says which", async () => {
  const place = temporaryFolder();
  await writeImages(join(place, "data"), { cats: 2, dogs: 2 });
  const result = await vitrine(["eval", join(folder, "model"), "./data", "--quiet"], { cwd: place });
  expectFailure(result, /must know the data set's classes; it has 10 labels, it does not have cats, dogs/);
});

const modelProblems: readonly (readonly [what: string, spoil: (model: string) => void, message: RegExp])[] = [
  ["truncated weights", (model) => truncateSync(join(model, "model.safetensors"), 5000), /model\.safetensors/],
  ["empty weights", (model) => truncateSync(join(model, "model.safetensors"), 0), /model\.safetensors/],
  [
    "weights that are none",
    (model) => writeFileSync(join(model, "model.safetensors"), "x".repeat(4000)),
    /model\.safetensors/,
  ],
  ["a broken config.json", (model) => writeFileSync(join(model, "config.json"), "{"), /must be JSON.*config\.json/],
  [
    "weights of another shape",
    (model) => change(join(model, "config.json"), (text) => text.replace('"embed_dim": 32', '"embed_dim": 48')),
    /blocks\.0\.attn\.proj\.bias \[32\] for \[48\]/,
  ],
  [
    "weights of another depth",
    (model) => change(join(model, "config.json"), (text) => text.replace('"depth": 2', '"depth": 3')),
    /blocks\.2/,
  ],
  [
    "weights of another model",
    (model) => {
      const array = { dtype: "float32", shape: [2], data: new Float32Array(2) } as const;
      writeFileSync(join(model, "model.safetensors"), Buffer.concat([...safetensorsPieces(new Map([["a", array]]))]));
    },
    /missing/,
  ],
];

function change(path: string, edit: (text: string) => string): void {
  const text = readFileSync(path, "utf8");
  const changed = edit(text);
  expect(changed).not.toBe(text);
  writeFileSync(path, changed);
}

test.each(modelProblems)("classify with %s fails with one line", async (_, spoil, message) => {
  const place = temporaryFolder();
  for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"])
    copyFileSync(join(folder, "model", name), join(place, name));
  spoil(place);
  expectFailure(await vitrine(["classify", "good/0.png", "--model", place], { cwd: folder }), message);
});

test.each([
  ["a missing image", ["classify", "nothing.png", "--model", "model"], /, nothing has this name in nothing\.png/],
  [
    "a folder in place of an image",
    ["classify", "good", "--model", "model"],
    /, it is a folder in good; name .* good\/\*/,
  ],
  ["a missing model", ["classify", "good/0.png", "--model", "./nothing"], /must exist/],
  ["a folder that is no model", ["classify", "good/0.png", "--model", "good"], /must have a config\.json/],
  [
    "an architecture without weights",
    ["classify", "good/0.png", "--model", "vit_tiny_patch16_224"],
    /has no weights of it/,
  ],
  ["a missing golden file", ["verify", "nothing.safetensors"], /nothing\.safetensors/],
  ["a golden file that is none", ["verify", "model/model.safetensors"], /vitrine-golden\/1/],
  ["a missing configuration", ["train", "shapes", "--config", "nothing.json"], /--config must be a readable file/],
  ["a folder without a run", ["train", "--resume", "--out", "good"], /must hold a run to go on with/],
  [
    "a folder that cannot be made",
    ["train", "shapes", "--config", "config.json", "--limit", "60", "--out", "config.json/run"],
    /^vitrine: the output must be a folder, a file is in the place of a folder in config\.json\/run; .*\n$/,
  ],
  [
    "a file in place of the output folder",
    ["train", "shapes", "--config", "config.json", "--limit", "60", "--out", "config.json"],
    /^vitrine: the output must be a folder, it is a file in config\.json; .*\n$/,
  ],
  [
    "a file in place of the folder to pre-train in",
    ["pretrain", "shapes", "--limit", "60", "--out", "config.json"],
    /^vitrine: the output must be a folder, it is a file in config\.json; .*\n$/,
  ],
] as const)("%s fails with one line", async (_, args, message) => {
  const before = readdirSync(folder);
  expectFailure(await vitrine(args, { cwd: folder }), message);
  expect(readdirSync(folder)).toEqual(before);
});

test("a bare weights file without --arch is wrong usage", async () => {
  const { code, stderr } = await vitrine(["classify", "good/0.png", "--model", "model/model.safetensors"], {
    cwd: folder,
  });
  expect(code).toBe(2);
  expect(stderr).toMatch(/add --arch NAME/);
});

test("with --json, a failure is one document", async () => {
  const { code, stdout } = await vitrine(["classify", "nothing.png", "--model", "model", "--json"], { cwd: folder });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "NOT_FOUND", place: "nothing.png" } });
});

test("with --json, all names of weights that do not fit are there, however many", async () => {
  const place = temporaryFolder();
  for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"])
    copyFileSync(join(folder, "model", name), join(place, name));
  change(join(place, "config.json"), (text) => text.replace('"depth": 2', '"depth": 5'));
  const { stdout, stderr } = await vitrine(["classify", "good/0.png", "--model", place, "--json"], { cwd: folder });
  const { error } = JSON.parse(stdout) as { error: { details: Record<string, readonly unknown[]> } };
  // Twelve tensors a block.
  expect(error.details.missing).toHaveLength(36);
  expect(error.details).toMatchObject({ extra: [], wrongShape: [] });
  expect(stderr).toMatch(/36 missing: .* and 16 more/);
});

/** Mounts a small file system; undefined where that is not allowed. */
function smallDisk(kilobytes: number): string | undefined {
  const place = temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", place], { stdio: "ignore" });
    return place;
  } catch {
    return undefined;
  }
}

test("a full disk stops a run with one line; what was there stays, and the run goes on when there is room", async (context) => {
  const disk = smallDisk(700);
  if (disk === undefined) return context.skip();
  try {
    const longer = writeConfig(temporaryFolder(), { ...tinyConfig, epochs: 2 });
    const args = ["train", "shapes", "--config", longer, "--limit", "60", "--checkpoint-every", "1", "--quiet"];
    const out = join(disk, "run");
    expectFailure(
      await vitrine([...args, "--out", out], { cwd: folder }),
      /(checkpoint could not be written|folder must be written whole).*free/,
    );
    expect(filesBelow(out).filter((file) => /tmp|writing/.test(file))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=8m", disk]);
    const resumed = await vitrine(["train", "--resume", "--out", out, "--quiet"], { cwd: folder });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect((await vitrine([...args, "--out", "undisturbed"], { cwd: folder })).code).toBe(0);
    expect(weightsOf(out)).toEqual(weightsOf(join(folder, "undisturbed")));
  } finally {
    execFileSync("umount", [disk]);
  }
});

test("an export onto a full disk leaves nothing behind", async (context) => {
  const disk = smallDisk(64);
  if (disk === undefined) return context.skip();
  try {
    for (const out of ["m.onnx", "m.safetensors", "folder"]) {
      const { code, stderr } = await vitrine(["export", "model", join(disk, out)], { cwd: folder });
      expect({ code, lines: stderr.trimEnd().split("\n").length }, stderr).toEqual({ code: 1, lines: 1 });
      expect(filesBelow(disk)).toEqual([]);
    }
  } finally {
    execFileSync("umount", [disk]);
  }
});
