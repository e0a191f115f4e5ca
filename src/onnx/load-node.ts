/**
 * Models from a disk, with the files that their tensors lie in.
 *
 * A model names those files itself, so that a hostile one could name any file of the machine: only regular files with one name,
 * inside the model's folder, reached without a link, are read.
 * @source the defences of onnx 1.21 against CVE-2022-25882, CVE-2024-27318, CVE-2026-34446 and CVE-2026-34447.
 */

import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";
import { VitrineError } from "../errors.ts";
import { readRange } from "../weights/file-bytes-node.ts";
import { type ImportedModel, importModel } from "./decode.ts";
import { externalLocation, externalRange } from "./decode-tensors.ts";
import { readModel } from "./read-messages.ts";
import type { ModelProto, TensorProto } from "./schema.ts";

/**
 * Reads a model and the files it refers to.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSUPPORTED_OPERATOR, or UNSAFE_FILE when it refers to a file outside its folder.
 */
export async function loadModel(path: string): Promise<ImportedModel> {
  return importModel(await readModelFile(path), new Map(), path);
}

/**
 * The same, parsed only; tensors have the bytes that lay in other files.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, or UNSAFE_FILE when it refers to a file outside its folder.
 */
export async function readModelFile(path: string): Promise<ModelProto> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError("NOT_FOUND", { rule: "the model must be a readable file", evidence: cause.message, cause });
  });
  const model = readModel(bytes, path);
  const inPlace = new Map<TensorProto, TensorProto>();
  // One file after the other: there may be one for each tensor, and a process may have so many open at once.
  for (const [location, tensors] of byLocation(model.graph.initializers)) {
    const file = await openBeside(path, location);
    try {
      const { size } = await file.stat();
      for (const tensor of tensors) {
        // All tensors together may be more than one array of bytes can hold.
        const { offset, length } = externalRange(tensor, size, path);
        const { name, dims, dataType } = tensor;
        inPlace.set(tensor, { name, dims, dataType, raw: await readRange(file, offset, length) });
      }
    } finally {
      await file.close();
    }
  }
  const initializers = model.graph.initializers.map((tensor) => inPlace.get(tensor) ?? tensor);
  return { ...model, graph: { ...model.graph, initializers } };
}

/** The tensors that lie in each other file. */
function byLocation(tensors: readonly TensorProto[]): ReadonlyMap<string, readonly TensorProto[]> {
  const found = new Map<string, TensorProto[]>();
  for (const tensor of tensors) {
    const location = externalLocation(tensor);
    if (location === undefined) continue;
    const there = found.get(location) ?? [];
    there.push(tensor);
    found.set(location, there);
  }
  return found;
}

async function openBeside(path: string, location: string): Promise<FileHandle> {
  const refuse = (evidence: string): never => {
    throw new VitrineError("UNSAFE_FILE", {
      rule: "external data must be a plain file inside the model's folder",
      evidence: `"${location}" ${evidence}`,
      place: path,
      next: "do not use this file unless you know where it comes from",
    });
  };
  const parts = location.split(/[/\\]/);
  if (location === "" || location.includes("\0") || isAbsolute(location) || /^[A-Za-z]:/.test(location))
    return refuse("is no relative path");
  if (parts.includes("..")) return refuse("leaves the folder");
  const folder = await realpath(dirname(path));
  const file = join(folder, ...parts);
  if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return refuse("leaves the folder");
  let before: Stats;
  try {
    if ((await realpath(file)) !== file) return refuse("is reached through a link");
    before = await lstat(file);
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("NOT_FOUND", { rule: "external data must be there", evidence: file, place: path, cause });
  }
  if (!before.isFile()) return refuse("is no regular file");
  if (before.nlink !== 1) return refuse("has more than one name");
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  // Between the checks and the opening, the file could have been exchanged.
  const opened = await handle.stat();
  if (opened.ino === before.ino && opened.dev === before.dev && opened.nlink === 1) return handle;
  await handle.close();
  return refuse("was exchanged");
}
