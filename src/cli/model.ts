/** The model that a verb was asked to use. */

import { VitrineError } from "../errors.ts";
import { type LoadOptions, loadPretrained } from "../pretrained/load-node.ts";
import { packagedModels } from "../pretrained/packaged-node.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { HubProgress } from "../weights/hub-options-node.ts";
import type { Context } from "./context.ts";
import { byteSize } from "./numbers.ts";

/** Options of every verb that reads weights. */
export interface ModelOptions {
  /** The architecture of a bare weights file. */
  readonly arch?: string | undefined;
}

/**
 * Loads a model, telling about downloads; without a reference, the one in the package.
 * @throws {VitrineError} NOT_FOUND when the package has none; whatever `loadPretrained` throws.
 */
export async function loadModel(
  context: Context,
  reference: string | undefined,
  options: ModelOptions & LoadOptions = {},
): Promise<Pretrained> {
  return loadPretrained(reference ?? packagedModel(), {
    ...options,
    call: { signal: context.signal, onProgress: downloadNotes(context) },
  });
}

function packagedModel(): string {
  const [first] = packagedModels().keys();
  if (first !== undefined) return first;
  throw new VitrineError("NOT_FOUND", {
    rule: "this package holds no trained model",
    next: "name one with --model: a folder that `vitrine train` made, a weights file with --arch NAME, or a hub id such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
  });
}

/** One line when a download begins, one when it is done. */
function downloadNotes({ terminal }: Context): (progress: HubProgress) => void {
  const begun = new Set<string>();
  return ({ file, status, loaded, total }) => {
    if (status === "download" && !begun.has(file)) {
      begun.add(file);
      terminal.note(`downloading ${file}${total === undefined ? "" : ` (${byteSize(total)})`}`);
    }
    if (status === "done" && begun.has(file)) terminal.note(`downloaded ${file} (${byteSize(loaded)})`);
  };
}
