/** The part of CIFAR-10 that this project is measured by. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cifar10Classes, cifar10Source } from "../src/data/datasets/cifar.ts";
import { memoryDataset } from "../src/data/datasets/memory.ts";
import { encodePng } from "../src/data/decode-node.ts";

/**
 * CIFAR-10 as a folder: 10,000 different training images and all test images, as JPEG, but the 4,000 training images of which there are lossless pixels as PNG. These are
 * the first ones of each class.
 * @param data has `cifar10/` with the archives
 * @param place where the folder `cifar10` is made, unless it is there
 */
export async function cifar10Folder(data: string, place: string): Promise<string> {
  const folder = join(place, "cifar10");
  if (existsSync(join(folder, "done"))) return folder;
  mkdirSync(folder, { recursive: true });
  for (const part of ["train", "test"]) {
    const archive = join(data, "cifar10", `jpeg_${part}_10000.tar.gz`);
    const { status } = spawnSync("tar", ["xzf", archive, "-C", folder], { stdio: "inherit" });
    if (status !== 0) throw new Error(`could not unpack ${archive}`);
  }
  const path = join(data, "cifar10", "train_first4000.bin.gz");
  const bytes = new Uint8Array(gunzipSync(readFileSync(path)));
  const lossless = memoryDataset(cifar10Source("lossless", [{ bytes, place: path }]));
  const seen = cifar10Classes.map(() => 0);
  for (let i = 0; i < lossless.length; i++) {
    const { image, label } = await lossless.get(i);
    const file = join(folder, "train", cifar10Classes[label]!, String(seen[label]!++).padStart(4, "0"));
    rmSync(`${file}.jpg`);
    writeFileSync(`${file}.png`, await encodePng(image));
  }
  writeFileSync(join(folder, "done"), "");
  return folder;
}
