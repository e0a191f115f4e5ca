/** Files that a verb is to write: what is refused before, and what is said after. */

import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VitrineError } from "../errors.ts";
import type { EncodedModel } from "../onnx/encode.ts";
import { byteSize } from "./numbers.ts";

/**
 * Checks that files can be made under these names.
 * @throws {VitrineError} NOT_FOUND when the folder is not there, OUTPUT_CONFLICT when a file is and may not be replaced.
 */
export async function checkOutputs(paths: readonly string[], replace: boolean): Promise<void> {
  for (const path of paths) {
    const folder = await stat(dirname(path)).catch(() => undefined);
    if (!folder?.isDirectory())
      throw new VitrineError("NOT_FOUND", { rule: "the folder to write into must be there", place: dirname(path) });
    if (replace || (await stat(path).catch(() => undefined)) === undefined) continue;
    throw new VitrineError("OUTPUT_CONFLICT", {
      rule: "a file that exists is not overwritten",
      place: path,
      next: "add --force to replace it, or choose another name",
    });
  }
}

/** The files of an ONNX model that was written to `path`, with their sizes: a list for programs and a line for people. */
export async function savedFiles(
  path: string,
  { files }: Pick<EncodedModel, "files">,
): Promise<{ readonly list: readonly { readonly path: string; readonly bytes: number }[]; readonly text: string }> {
  const paths = [path, ...files.map(({ location }) => join(dirname(path), location))];
  const list = await Promise.all(paths.map(async (each) => ({ path: each, bytes: (await stat(each)).size })));
  return { list, text: list.map((file) => `${file.path} (${byteSize(file.bytes)})`).join(" and ") };
}
