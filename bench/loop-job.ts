/** One training for both sides of `bench/loop.ts` and `bench/cifar.ts`: what `tools/timm-peer.py` reads, and what ours makes of it. */

import type { Dataset } from "../src/data/datasets/dataset.ts";
import { type FolderDataset, folderDataset } from "../src/data/datasets/folder-node.ts";
import { subset } from "../src/data/datasets/subset.ts";
import { openDataset } from "../src/data/open-node.ts";
import type { Preprocessing } from "../src/data/preprocess.ts";
import { type ViTConfig, type ViTOptions, vitConfig } from "../src/models/vit/config.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import type { Pretrained } from "../src/pretrained/pretrained.ts";
import type { Recipe } from "../src/train/recipe.ts";

/** Images: files with labels, or the first ones of the training images in a folder of IDX files. */
export type JobImages =
  | { readonly kind: "files"; readonly entries: readonly (readonly [path: string, label: number])[] }
  | { readonly kind: "idx"; readonly folder: string; readonly count: number };

/** What is trained, on what, and how. */
export interface LoopJob {
  readonly train: JobImages;
  readonly test?: JobImages | undefined;
  /** timm's name of a Vision Transformer, and what differs, for us and for timm. */
  readonly model: string;
  readonly ours: Omit<ViTOptions, "labels">;
  readonly options: Readonly<Record<string, unknown>>;
  /** A safetensors file with weights, of which all but the head's are taken. */
  readonly weights?: string | undefined;
  readonly classes: number;
  readonly preprocessing: Preprocessing;
  readonly recipe: Recipe;
  readonly threads: number;
  /** Threads, on the other side processes, that make batches. */
  readonly workers: number;
  readonly seed: number;
  /** Bytes for decoded images, on our side. */
  readonly room?: number | undefined;
}

/** The images of a folder, or some of them. */
export function filesOf(
  { source: { files, labels } }: FolderDataset,
  wanted: (file: string, index: number) => boolean = () => true,
): JobImages {
  const entries = files.map((file, i) => [file, labels[i]!] as const);
  return { kind: "files", entries: entries.filter(([file], i) => wanted(file, i)) };
}

/** timm's arguments for a plain Vision Transformer. */
export function timmArguments(options: Omit<ViTOptions, "labels">): Readonly<Record<string, unknown>> {
  const config: ViTConfig = vitConfig(options);
  return {
    ...{ img_size: config.imageSize, patch_size: config.patchSize, in_chans: config.channels },
    ...{ embed_dim: config.width, depth: config.depth, num_heads: config.heads },
    ...{ mlp_ratio: config.mlpWidth / config.width, drop_path_rate: config.dropPath },
  };
}

/** A job's images as ours reads them; as on the other side, nothing turns them. */
export async function datasetOf(images: JobImages, classes: number): Promise<Dataset> {
  if (images.kind === "idx") {
    const { train } = await openDataset("fashion-mnist", { dataDir: images.folder });
    return subset(
      train,
      Uint32Array.from({ length: images.count }, (_, i) => i),
    );
  }
  const { entries } = images;
  return folderDataset({
    ...{ kind: "folder", name: "job", orientation: "ignore" },
    classes: Array.from({ length: classes }, (_, i) => String(i)),
    files: entries.map(([file]) => file),
    labels: Uint16Array.from(entries, ([, label]) => label),
  });
}

/** A job's model before its first step. */
export async function modelOf(job: LoopJob, labels: readonly string[]): Promise<Pretrained> {
  const { model, weights, ours, preprocessing, seed, recipe } = job;
  if (weights !== undefined) {
    const imageSize = preprocessing.inputSize[1];
    const overrides = { dropPath: recipe.dropPath };
    const loaded = await loadPretrained(weights, {
      ...{ arch: model, newHead: { labels, seed }, overrides },
      resize: { imageSize, rule: "timm" },
    });
    return { ...loaded, preprocessing };
  }
  const fresh = newPretrained(model, { labels, options: { ...ours, dropPath: recipe.dropPath }, preprocessing });
  fresh.model.initialize(seed);
  return fresh;
}
