import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shapeClasses, shapesDataset } from "../../src/data/datasets/shapes.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { classifier } from "../../src/tasks/classify.ts";
import { presets } from "../../src/train/presets.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";
import type { Answers } from "./web-page.ts";

/** Its camera was held on its side. */
const turned = "n02951585_can_opener.JPEG";
const arch = "vit_tiny_patch16_224";

const largestGap = (got: readonly number[], want: ArrayLike<number>): number =>
  got.reduce((gap, x, i) => Math.max(gap, Math.abs(x - want[i]!)), got.length === want.length ? 0 : Number.NaN);

describe.skipIf(!hasChromium)("vitrine/web on a page", () => {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-"));
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage(new URL("web-page.ts", import.meta.url));
    // Another site, as a page sees it.
    await open.page.route("https://models.example/**", (route) => {
      const path = join(folder, new URL(route.request().url()).pathname);
      const headers = { "Access-Control-Allow-Origin": "*" };
      return route.fulfill(existsSync(path) ? { path, headers } : { status: 404, headers });
    });
  });
  afterAll(async () => {
    await open.close();
    rmSync(folder, { recursive: true });
  });

  test("reads tensors", async () => {
    expect(largestGap(await callCheck(open.page, "readTensor"), [0.25, 0.75])).toBeLessThan(1e-6);
  });

  test.each(["timm", "huggingface"] as const)("a folder in %s's layout answers there as in Node", async (layout) => {
    const { options, preprocessing } = presets.shapes!;
    const fresh = newPretrained(arch, { labels: shapeClasses, options, preprocessing });
    fresh.model.initialize(7);
    await savePretrained(join(folder, layout), fresh, { layout });
    const { image } = await shapesDataset({ size: 40 }).get(11);
    const picture = `data:image/png;base64,${Buffer.from(await encodePng(image)).toString("base64")}`;

    const address = `https://models.example/${layout}`;
    const got = await callCheck<Answers>(open.page, "classify", address, "{}", JSON.stringify([picture]));
    const node = await classifier(await loadPretrained(join(folder, layout)), await nodeRuntime({ threads: 1 }));
    expect(Math.max(...got.logits.map(Math.abs))).toBeGreaterThan(0.01);
    expect(largestGap(got.logits, (await node.logits([image])).data as Float32Array)).toBeLessThan(1e-5);
    expect(got.predictions[0]!.map(({ label }) => label)).toEqual(
      (await node.classify([image]))[0]!.map(({ label }) => label),
    );
    await node.dispose();
  });

  test("an address without a model is refused by name", async () => {
    expect(await callCheck(open.page, "refuse", "https://models.example/none", "{}")).toContain(
      "the server answered 404 in https://models.example/none/config.json",
    );
    expect(await callCheck(open.page, "refuse", "https://models.example/x.safetensors", "{}")).toContain(
      "give the option arch",
    );
    expect(await callCheck(open.page, "refuse", "http://127.0.0.1:9/", "{}")).toContain("must be downloaded whole");
  });

  test.skipIf(!hasShared)("photographs decoded by the browser get the reference's answers", async () => {
    const weights = sharedPath("data", "vit-tiny-imagenet", "model.safetensors");
    const { predictions } = JSON.parse(
      readFileSync(sharedPath("data", "vit-tiny-imagenet", "reference_predictions.json"), "utf8"),
    ) as { readonly predictions: readonly { file: string; top5: readonly number[]; logits: readonly number[] }[] };
    const some = predictions.filter(({ file }, i) => i % 18 === 0 || file === turned);
    const paths = some.map(({ file }) => sharedPath("data", "imagenet-sample", "images", file));
    const got = await callCheck<Answers>(
      open.page,
      "classify",
      `/disk${weights}`,
      JSON.stringify({ arch }),
      JSON.stringify(paths.map((path) => `/disk${path}`)),
    );
    expect(some.length).toBe(7);
    for (const [i, { file, top5, logits }] of some.entries()) {
      expect(
        got.predictions[i]!.map(({ index }) => index),
        file,
      ).toEqual(top5);
      const best = top5.map((label) => got.logits[i * 1000 + label]!);
      expect(largestGap(best, logits), file).toBeLessThan(2e-3);
    }
  });
});
