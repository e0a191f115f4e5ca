/** What the package can do by itself: `classify` and `explain` without `--model`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { encodePng } from "../../src/data/decode-node.ts";
import { image } from "../../src/data/image.ts";
import { openDataset } from "../../src/data/open-node.ts";
import { packagedModels } from "../../src/pretrained/packaged-node.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { temporaryFolder, vitrine } from "./process.ts";

const folder = temporaryFolder();

interface Answer {
  readonly file: string;
  readonly model: string;
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
}

/** A dark drawing on a light canvas of 280 pixels, in which `isInk` says where the pen was. */
async function draw(name: string, isInk: (x: number, y: number) => boolean): Promise<void> {
  const pixels = Uint8Array.from({ length: 280 * 280 }, (_, i) => (isInk(i % 280, Math.floor(i / 280)) ? 20 : 245));
  writeFileSync(join(folder, name), await encodePng(image(280, 280, 1, pixels)));
}

beforeAll(async () => {
  await draw("zero.png", (x, y) => Math.abs(Math.hypot((x - 150) / 0.7, y - 135) - 80) < 12);
  await draw("one.png", (x, y) => Math.abs(x - 130 + (y - 140) * 0.1) < 11 && y > 60 && y < 220);
  await draw("seven.png", (x, y) => {
    const across = Math.abs(y - 70) < 11 && x > 80 && x < 200;
    const down = Math.abs(x - 200 + (y - 70) * 0.5) < 12 && y >= 60 && y < 230;
    return across || down;
  });
});

test("digits drawn dark on a light canvas are read by the package's own model, which is named", async () => {
  const { code, stdout, stderr } = await vitrine(["classify", "zero.png", "one.png", "seven.png", "--json"], {
    cwd: folder,
  });
  expect(code).toBe(0);
  const answers = JSON.parse(stdout) as readonly Answer[];
  expect(answers.map(({ predictions }) => predictions[0]!.label)).toEqual(["0", "1", "7"]);
  expect(answers.map(({ model }) => model)).toEqual(["vit-digits", "vit-digits", "vit-digits"]);
  expect(stderr).toContain("They can recognise");
  expect(stderr).toMatch(/Ankle boot \(vit-fashion\)/);
});

test("explain draws what the surest of them saw", async () => {
  const { code, stdout } = await vitrine(["explain", "one.png", "--out", "why.png", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ file: "one.png", out: "why.png" });
});

test("each packaged model is small, says how it was made, and is a folder that can be named", async () => {
  expect([...packagedModels().keys()]).toEqual(["vit-digits", "vit-fashion"]);
  for (const name of packagedModels().keys()) {
    const { code, stdout } = await vitrine(["classify", "one.png", "--model", name, "--json"], { cwd: folder });
    expect(code).toBe(0);
    expect(Object.keys((JSON.parse(stdout) as readonly Answer[])[0]!)).toEqual(["file", "predictions"]);
  }
});

test.skipIf(!hasShared)("a garment is told from digits", async () => {
  const { test: garments } = await openDataset("fashion-mnist", { dataDir: sharedPath("data", "fashion-mnist") });
  const boot = await garments!.get(0);
  writeFileSync(join(folder, "boot.png"), await encodePng(boot.image));
  const { stdout } = await vitrine(["classify", "boot.png", "--json"], { cwd: folder });
  const [answer] = JSON.parse(stdout) as readonly Answer[];
  expect(answer).toMatchObject({ model: "vit-fashion" });
  expect(answer!.predictions[0]!.label).toBe("Ankle boot");
});
