/** Photographs of the size that cameras make. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { openFolder } from "../src/data/datasets/folder-node.ts";
import { keyOf, stream } from "../src/graph/random.ts";

const [width, height] = [4032, 3024];
/** Standard deviation of a camera's noise, in steps of 256: without it, enlarged pictures would be decoded much faster than true ones. */
const grain = 4;

/**
 * A folder of class folders with some of a folder's photographs, enlarged to twelve megapixels, with grain, as JPEG of quality 90.
 * @param place where the folder `camera` is made, unless it is there
 */
export async function cameraFolder(photographs: string, place: string, count: number): Promise<string> {
  const folder = join(place, "camera");
  if (existsSync(join(folder, "done"))) return folder;
  const { source, classes } = await openFolder(photographs);
  const { files, labels } = source;
  const each = Math.max(1, Math.floor(files.length / count));
  const noise = noisePixels();
  for (let i = 0; i < count; i++) {
    const at = (i * each) % files.length;
    const target = join(folder, classes[labels[at]!]!);
    mkdirSync(target, { recursive: true });
    const large = await sharp(files[at]!).resize(width, height, { fit: "fill" }).removeAlpha().raw().toBuffer();
    for (let j = 0; j < large.length; j++) large[j] = Math.min(255, Math.max(0, large[j]! + noise[j % noise.length]!));
    const jpeg = sharp(large, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90 });
    await jpeg.toFile(join(target, `${i}-${basename(files[at]!)}`));
  }
  writeFileSync(join(folder, "done"), "");
  return folder;
}

/** A prime number of them, so that rows differ. */
function noisePixels(): Int8Array {
  const random = stream(keyOf(0));
  return Int8Array.from({ length: 1_000_003 }, () => Math.round(grain * random.normal()));
}
