/** Decodes, resizes and preprocesses on the page; `data.test.ts` compares with what Node gets. */

import { decodeImage } from "../../src/data/decode-web.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";

export interface PageResult {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly number[];
  readonly input: readonly number[];
}

async function decode(file: string, timmConfig: string, orientation: "exif" | "ignore" = "exif"): Promise<PageResult> {
  const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
  const image = await decodeImage(bytes, { orientation });
  const { data } = preprocess(image, preprocessingFromTimm(JSON.parse(timmConfig), "page"));
  return { width: image.width, height: image.height, pixels: [...image.data], input: [...data] };
}

async function refuse(file: string): Promise<string> {
  const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
  return decodeImage(bytes, { name: "bad" }).then(
    () => "decoded",
    (error: Error) => error.message,
  );
}

(globalThis as unknown as { checks: unknown }).checks = { decode, refuse };
