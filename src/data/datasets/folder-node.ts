/**
 * A folder with one folder of images for each class, as torchvision's `ImageFolder` reads it.
 *
 * Classes and files are in the order of their names by code point. Links are followed; hidden files and what has no image's name ending are skipped and listed.
 */

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { VitrineError } from "../../errors.ts";
import { listFolder, walk } from "../../files/walk-node.ts";
import { type DecodeOptions, decodeImage } from "../decode-node.ts";
import { hasImageEnding } from "../image-format.ts";
import { besideTexts, textEnding } from "../text/documents-node.ts";
import type { Dataset, Skipped, Split } from "./dataset.ts";
import { hidden, reasonFor, skippedKinds } from "./skipped.ts";
import { splitNames, splits } from "./split-names.ts";

export type { Skipped } from "./dataset.ts";

/** Paths and labels of a folder's images. */
export interface FolderSource {
  readonly kind: "folder";
  readonly name: string;
  readonly classes: readonly string[];
  readonly files: readonly string[];
  readonly labels: Uint16Array;
  readonly orientation: "exif" | "ignore";
}

/** A data set of image files. */
export interface FolderDataset extends Dataset {
  readonly source: FolderSource;
  readonly skipped: readonly Skipped[];
}

/** How to read a folder. */
export interface FolderOptions {
  /** The classes that the folder must have no others than, as for validation images of a trained model. Default: the names of its folders. */
  readonly classes?: readonly string[];
  /** See `DecodeOptions`; default `exif`. */
  readonly orientation?: DecodeOptions["orientation"];
}

/** What a folder is to the user, in errors. */
const what = "a data set";

/**
 * The folders of class folders in `root`: its `train`, `val` (`valid`, `validation`) and `test` folders, or itself as `train` where it has no such folder.
 * @throws {VitrineError} NOT_FOUND or INVALID_FILE when `root` is missing, no folder, or not readable.
 */
export async function splitFolders(root: string): Promise<Partial<Record<Split, string>> & { readonly train: string }> {
  const entries = await listFolder(root, what);
  const folders = new Map(entries.flatMap(({ name, path, is }) => (is === "folder" ? [[name, path]] : [])));
  const found: Partial<Record<Split, string>> = {};
  for (const split of splits) {
    const name = splitNames[split].find((candidate) => folders.has(candidate));
    if (name !== undefined) found[split] = folders.get(name)!;
  }
  return { ...found, train: found.train ?? root };
}

/**
 * Reads the names of all images in a folder of class folders; the images themselves are decoded when they are asked for.
 * @throws {VitrineError} NOT_FOUND when the folder is missing; INVALID_FILE when it cannot be read; DATA_PROBLEM when it has no images, fewer than two classes,
 * a class without images, or a class that `options.classes` lacks.
 */
export async function openFolder(root: string, options: FolderOptions = {}): Promise<FolderDataset> {
  const problem = (rule: string, evidence: string, next?: string): VitrineError =>
    new VitrineError("DATA_PROBLEM", { rule, evidence, place: root, next });
  const layout = "put each class's images into a folder of its own, named after the class";
  const skipped: Skipped[] = [];
  const folders: string[] = [];
  const loose: string[] = [];
  for (const { name, path, is } of await listFolder(root, what)) {
    if (name.startsWith(".") || name === "__MACOSX") skipped.push({ file: path, reason: hidden });
    else if (is === "folder") folders.push(name);
    else {
      skipped.push({ file: path, reason: is === "file" ? "not in a class folder" : is });
      loose.push(name);
    }
  }
  if (folders.length === 0) {
    const images = loose.filter(hasImageEnding).length;
    const texts = loose.filter((name) => !besideTexts.test(name));
    const other = texts.some((name) => textEnding.test(name)) && texts.find((name) => !textEnding.test(name));
    throw problem(
      "a data set must be a folder of class folders",
      images > 0 ? `got ${images} images and no folder` : "it has no folder",
      images === 0 && other
        ? `if its texts are the data: train takes a folder of nothing else, ${other} is none`
        : layout,
    );
  }
  const classes = options.classes ?? folders;
  const unknown = folders.filter((name) => !classes.includes(name));
  if (unknown.length > 0)
    throw problem(
      `its classes must be among ${listed(classes)}`,
      `got ${listed(unknown)}`,
      "remove or rename the folders",
    );
  const files: string[] = [];
  const labels: number[] = [];
  const empty: string[] = [];
  for (const name of folders) {
    const before = files.length;
    for await (const { path, is } of walk(join(root, name), { what, passes: (inside) => inside.startsWith(".") })) {
      if (is === "passed by") skipped.push({ file: path, reason: hidden });
      else if (is !== "file") skipped.push({ file: path, reason: is });
      else if (hasImageEnding(path)) files.push(path);
      else skipped.push({ file: path, reason: reasonFor(path) });
    }
    for (let i = before; i < files.length; i++) labels.push(classes.indexOf(name));
    if (files.length === before) empty.push(name);
  }
  const without = (where: string, within: readonly Skipped[], next: string): [evidence: string, next: string] => {
    const kinds = skippedKinds(within);
    const endings = kinds.filter(({ ending }) => ending !== "").map(({ ending, count }) => `${count} ${ending}`);
    const heic = kinds.some(({ ending }) => ending.startsWith(".hei"));
    return [
      [`none in ${where}`, ...(endings.length > 0 ? [`left out: ${listed(endings)}`] : [])].join("; "),
      heic ? "HEIC photographs cannot be read here: export them as JPEG" : next,
    ];
  };
  if (files.length === 0)
    throw problem("a data set must have images", ...without(`${folders.length} folders`, skipped, layout));
  if (empty.length > 0 && options.classes === undefined) {
    const within = skipped.filter(({ file }) => empty.some((name) => file.startsWith(join(root, name, "/"))));
    throw problem("each class must have images", ...without(listed(empty), within, "remove the folders or fill them"));
  }
  if (classes.length < 2) throw problem("there must be at least two classes", `got only ${listed(classes)}`, layout);
  const name = splitNameOf(root);
  const source: FolderSource = {
    kind: "folder",
    name,
    classes,
    files,
    labels: Uint16Array.from(labels),
    orientation: options.orientation ?? "exif",
  };
  return { ...folderDataset(source), source, skipped };
}

/** The data set of a list of files, as a worker thread opens it. */
export function folderDataset(source: FolderSource): Dataset {
  const { name, classes, files, labels, orientation } = source;
  return {
    name,
    classes,
    length: files.length,
    source,
    labelOf: (index) => labels[index]!,
    async get(index) {
      const file = files[index]!;
      return { image: await decodeImage(file, { orientation }), label: labels[index]!, file };
    },
    async originOf(index) {
      const found = await stat(files[index]!).catch(() => undefined);
      return { file: files[index]!, bytes: found?.size ?? -1, modified: found?.mtimeMs ?? -1, orientation };
    },
  };
}

/** `photos/train` for a split's folder, `photos` for any other. */
function splitNameOf(root: string): string {
  const name = basename(root);
  const isSplit = Object.values(splitNames).some((names) => names.includes(name));
  return isSplit ? `${basename(dirname(root))}/${name}` : name;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
