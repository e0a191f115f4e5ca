/** The page's decoder in the place of Node's: pictures by their path. */

import { type DecodeWebOptions, decodeImage as decodeBlob } from "../../../src/data/decode-web.ts";
import type { Image } from "../../../src/data/image.ts";

export async function decodeImage(path: string, options: DecodeWebOptions): Promise<Image> {
  return decodeBlob(await (await fetch(`/disk${encodeURI(path)}`)).blob(), options);
}
