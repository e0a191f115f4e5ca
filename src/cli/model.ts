/** The model that a verb was asked to use. */

import { VitrineError } from "../errors.ts";
import { type LoadOptions, loadPretrained } from "../pretrained/load-node.ts";
import { packagedModels } from "../pretrained/packaged-node.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Prediction } from "../tasks/classify.ts";
import type { HubProgress } from "../weights/hub-options-node.ts";
import type { Context } from "./context.ts";
import { byteSize } from "./numbers.ts";

/** Options of every verb that reads weights. */
export interface ModelOptions {
  /** The architecture of a bare weights file. */
  readonly arch?: string | undefined;
}

/**
 * Loads a model, telling about downloads.
 * @throws {VitrineError} whatever `loadPretrained` throws.
 */
export async function loadModel(
  context: Context,
  reference: string,
  options: ModelOptions & LoadOptions = {},
): Promise<Pretrained> {
  return loadPretrained(reference, {
    ...options,
    call: { signal: context.signal, onProgress: downloadNotes(context) },
  });
}

/**
 * The model that was named; without a name all of the package's, of which the surest is to answer. Says what these can recognise.
 * @param ready what must hold before anything is said
 * @throws {VitrineError} NOT_FOUND when the package has none; whatever `loadPretrained` throws.
 */
export async function loadModels(
  context: Context,
  reference: string | undefined,
  options: ModelOptions,
  ready?: Promise<unknown>,
): Promise<readonly Pretrained[]> {
  if (reference !== undefined) return [await loadModel(context, reference, options)];
  const names = [...packagedModels().keys()];
  if (names.length === 0)
    throw new VitrineError("NOT_FOUND", { rule: "this package holds no trained model", next: otherModels });
  const models = await Promise.all(names.map((name) => loadModel(context, name)));
  await ready;
  context.terminal.note("no --model: the package's own models answer, and the surest counts. They can recognise");
  for (const { name, labels } of models) context.terminal.note(`  ${labels.join(", ")} (${name})`);
  context.terminal.note(
    "They learned from light figures on black: of pictures on a light ground they are shown the negative.",
  );
  context.terminal.note(`for anything else ${otherModels}`);
  return models;
}

const otherModels =
  "name a model with --model: a folder that `vitrine train` made, a weights file with --arch NAME, or a hub id such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k";

/** The position of the model that is surest of its best answer. @param answers of each model, best first */
export function surest(answers: readonly (readonly Prediction[])[]): number {
  const scores = answers.map(([best]) => best!.score);
  return scores.indexOf(Math.max(...scores));
}

/** One line when a download begins, one when it is done. */
export function downloadNotes({ terminal }: Pick<Context, "terminal">): (progress: HubProgress) => void {
  const begun = new Set<string>();
  return ({ file, status, loaded, total }) => {
    if (status === "download" && !begun.has(file)) {
      begun.add(file);
      terminal.note(`downloading ${file}${total === undefined ? "" : ` (${byteSize(total)})`}`);
    }
    if (status === "done" && begun.has(file)) terminal.note(`downloaded ${file} (${byteSize(loaded)})`);
  };
}
