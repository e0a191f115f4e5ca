import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, temporaryFolder, vitrine } from "./process.ts";

const wrong: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  ["an unknown verb", ["trian"], /unknown command 'trian'; did you mean train\?/],
  ["an unknown option", ["models", "--nmae"], /unknown option '--nmae'/],
  [
    "a setting given as an option",
    ["train", "shapes", "--label-smoothing", "0.2"],
    /unknown option '--label-smoothing'; "labelSmoothing" is a setting of the recipe: put \{"labelSmoothing": …\} into a file and add --config FILE/,
  ],
  ["a missing argument", ["classify"], /missing required argument 'image'/],
  ["an argument too many", ["doctor", "please"], /too many arguments/],
  ["a device that does not exist", ["doctor", "--device", "tpu"], /Allowed choices are cpu, webgpu, cuda, wasm/],
  ["no threads", ["models", "--threads", "0"], /whole number from 1 to 1024/],
  ["a number with letters behind", ["models", "--threads", "2x"], /whole number/],
  ["a negative seed", ["models", "--seed=-1"], /whole number of at least 0/],
  ["no epochs", ["train", "shapes", "--epochs", "0"], /whole number from 1/],
  ["half a batch", ["train", "shapes", "--batch", "0.5"], /whole number/],
  ["a learning rate of zero", ["train", "shapes", "--lr", "0"], /number above 0/],
  ["a learning rate without end", ["train", "shapes", "--lr", "1e999"], /number above 0/],
  ["no data", ["train"], /train needs DATA/],
  ["both a new and a trained model", ["train", "shapes", "--model", "vit_tiny_patch16_224", "--from", "x"], /give one/],
  ["--resume without a folder", ["train", "shapes", "--resume"], /--resume needs --out/],
  ["no answers", ["classify", "x.png", "--top", "0"], /whole number of at least 1/],
  ["an unknown method", ["explain", "x.png", "--method", "magic"], /a method is one of relevance, grad-cam/],
  ["a token and a patch", ["explain", "x.png", "--token", "1", "--patch", "1,1"], /cannot be used with/],
  ["a patch without a column", ["explain", "x.png", "--patch", "3"], /a row and a column/],
  ["a picture of another kind", ["explain", "x.png", "--out", "x.bmp"], /--out must end in \.png, \.svg/],
  ["an export of another kind", ["export", "x", "x.pt"], /\.onnx, \.safetensors, or into a folder/],
  ["a layout for a file", ["export", "x", "x.onnx", "--layout", "timm"], /--layout is for folders only/],
  ["an unknown model", ["models", "vit_tiny_patch61_224"], /did you mean vit_tiny_patch16_224/],
  ["an unknown tag", ["models", "swin_s3_tiny_224.nonsense"], /got "nonsense" in swin_s3_tiny_224; known are ms_in1k/],
  ["an unknown model to train", ["train", "shapes", "--model", "vit_teeny"], /did you mean/],
  ["an unknown model to time", ["bench", "vit_b_16"], /did you mean vit_base_patch16_224/],
  ["an unknown data set", ["train", "shapse"], /must be one of shapes, mnist/],
  ["a task that is none", ["bench", "x", "--task", "play"], /Allowed choices are infer, train/],
];

test.each(wrong)("%s is wrong usage: one line, exit code 2, nothing left behind", async (_, args, message) => {
  const folder = temporaryFolder();
  const { code, stdout, stderr } = await vitrine(args, { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/^vitrine: /);
  expect(stderr).toMatch(message);
  expect(filesBelow(folder)).toEqual([]);
});

test.each([
  ["an unknown option", ["models", "--nmae", "--json"], "INVALID_ARGUMENT"],
  ["an unknown model", ["models", "nothing-like-it", "--json"], "UNKNOWN_NAME"],
])("with --json, %s is one document on standard output", async (_, args, expected) => {
  const { code, stdout, stderr } = await vitrine(args);
  expect(code).toBe(2);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect(error.code).toBe(expected);
  expect(stderr).toBe(`vitrine: ${error.message}\n`);
});

test.each([
  ["an unknown setting", { epoch: 3 }, /^vitrine: unknown setting epoch in .*c\.json; did you mean epochs\?\n$/],
  ["a setting out of range", { mixup: -3 }, /^vitrine: mixup must be a number of at least 0, got -3 in .*c\.json\n$/],
  ["an unknown setting of the model", { model: { widht: 32 } }, /widht is no setting of a model/],
  ["a setting of another kind", { model: { width: "32" } }, /width must be a number/],
  ["settings that contradict each other", { model: { width: 32, heads: 3 } }, /heads must divide the width/],
])("%s in --config is wrong usage", async (_, config, message) => {
  const folder = temporaryFolder();
  const path = join(folder, "c.json");
  writeFileSync(path, JSON.stringify(config));
  const { code, stderr } = await vitrine(["train", "shapes", "--config", path], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(filesBelow(folder)).toEqual(["c.json"]);
});

test("--debug shows where an error comes from", async () => {
  const { stderr } = await vitrine(["models", "nothing-like-it", "--debug"]);
  expect(stderr).toMatch(/\n {4}at /);
});

test("a reader that goes away ends the output without a complaint", async () => {
  const { execFileSync } = await import("node:child_process");
  const { mainFile } = await import("./process.ts");
  const command = `"${process.execPath}" "${mainFile()}" models | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const output = execFileSync("bash", ["-c", `${command} 2>&1`], { encoding: "utf8" });
  expect(output.trimEnd().split("\n")).toHaveLength(2);
  expect(output).toMatch(/\n0\n$/);
});
