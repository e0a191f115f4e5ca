import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { decodeImage, encodeJpeg, encodePng } from "../../src/data/decode-node.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import type { PageResult } from "./data-page.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";

const timmConfig = { input_size: [3, 24, 24], crop_pct: 0.9, interpolation: "bicubic" };

describe.skipIf(!hasChromium)("images in a browser", () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage(new URL("./data-page.ts", import.meta.url));
  });
  afterAll(() => open.close());

  test("a PNG gives the bytes and the model input that Node gives, bit for bit", async () => {
    const { image } = await shapesDataset({ size: 60 }).get(5);
    const file = await encodePng(image);
    const got = await callCheck<PageResult>(
      open.page,
      "decode",
      Buffer.from(file).toString("base64"),
      JSON.stringify(timmConfig),
    );
    expect([got.width, got.height]).toEqual([60, 60]);
    expect(Uint8Array.from(got.pixels)).toEqual(image.data);
    const want = preprocess(image, preprocessingFromTimm(timmConfig, "test"));
    expect(Float32Array.from(got.input)).toEqual(want.data);
  });

  test("a JPEG gives Node's bytes to within a grey level or two", async () => {
    const { image } = await shapesDataset({ size: 64 }).get(3);
    const file = await encodeJpeg(image, 95);
    const node = await decodeImage(file);
    const got = await callCheck<PageResult>(
      open.page,
      "decode",
      Buffer.from(file).toString("base64"),
      JSON.stringify(timmConfig),
    );
    const largest = got.pixels.reduce((max, byte, i) => Math.max(max, Math.abs(byte - node.data[i]!)), 0);
    expect(largest).toBeLessThanOrEqual(2);
  });

  test("a photograph is turned as its tag says, or left as stored", async () => {
    const { image } = await shapesDataset({ size: 48 }).get(4);
    const raw = { width: 48, height: 48, channels: 3 as const };
    const file = await sharp(image.data, { raw }).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    for (const orientation of ["exif", "ignore"] as const) {
      const node = await decodeImage(file, { orientation });
      const got = await callCheck<PageResult>(
        open.page,
        "decode",
        file.toString("base64"),
        JSON.stringify(timmConfig),
        orientation,
      );
      const largest = got.pixels.reduce((max, byte, i) => Math.max(max, Math.abs(byte - node.data[i]!)), 0);
      expect(largest, orientation).toBeLessThanOrEqual(2);
    }
  });

  test("what is no image is refused by name", async () => {
    const message = await callCheck<string>(
      open.page,
      "refuse",
      Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>").toString("base64"),
    );
    expect(message).toContain("its first bytes are none of these in bad");
    const cut = Buffer.from(await encodePng((await shapesDataset().get(0)).image)).subarray(0, 60);
    expect(await callCheck<string>(open.page, "refuse", cut.toString("base64"))).toMatch(
      /must be a whole, valid .* in bad$/,
    );
  });
});
