/** The model that a verb was asked to use. */

import { VitrineError } from "../errors.ts";
import { type LoadOptions, loadPretrained } from "../pretrained/load-node.ts";
import { packagedModels } from "../pretrained/packaged-node.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { HubCall, HubProgress } from "../weights/hub-options-node.ts";
import type { Context } from "./context.ts";
import { byteSize, duration } from "./numbers.ts";
import type { Progress } from "./terminal.ts";

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
  return withDownloads(context, (call) => loadPretrained(reference, { ...options, call }));
}

/** Runs what may download: its files are told of, and whatever becomes of it no bar is left. */
export async function withDownloads<T>(
  context: Pick<Context, "terminal" | "signal">,
  use: (call: HubCall) => Promise<T>,
): Promise<T> {
  const tell = downloadNotes(context);
  try {
    return await use({ signal: context.signal, onProgress: tell });
  } finally {
    tell.stop();
  }
}

/**
 * The model that was named; without a name all of the package's, of which the one that knows a picture is to answer (`openRouter`). Says what these can recognise.
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
  context.terminal.note("no --model: the package's own models answer, each of what it knows. They can recognise");
  for (const { name, labels } of models) context.terminal.note(`  ${labels.join(", ")} (${name})`);
  context.terminal.note(
    "They learned from light figures on black, in the middle: of pictures on a light ground they are shown the negative, and of small drawings the part around them.",
  );
  context.terminal.note(`for anything else ${otherModels}`);
  return models;
}

const otherModels =
  "name a model with --model: a folder that `vitrine train` made, a weights file with --arch NAME, or a hub id such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k";

/** Files of fewer bytes are there before a bar would say anything. */
const worthBar = 1e7;

/** Tells of downloads: a line when one begins and one when it is done, and of a large one a bar between them. `stop` ends a bar that is left. */
export function downloadNotes({
  terminal,
}: Pick<Context, "terminal">): ((progress: HubProgress) => void) & { readonly stop: () => void } {
  const begun = new Set<string>();
  let shown: DownloadBar | undefined;
  const stop = (): void => {
    shown?.stop();
    shown = undefined;
  };
  const tell = ({ file, status, loaded, total }: HubProgress): void => {
    if (status === "download" && !begun.has(file)) {
      begun.add(file);
      terminal.note(`downloading ${file}${total === undefined ? "" : ` (${byteSize(total)})`}`);
      if (total !== undefined && total >= worthBar) shown ??= new DownloadBar(terminal, file, loaded, total);
    } else if (status === "download" && shown?.file === file) shown.update(loaded);
    if (status !== "done" || !begun.has(file)) return;
    if (shown?.file === file) stop();
    terminal.note(`downloaded ${file} (${byteSize(loaded)})`);
  };
  return Object.assign(tell, { stop });
}

/** The bar of one file, in megabytes. */
class DownloadBar {
  readonly file: string;
  readonly #total: number;
  readonly #begun: { readonly at: number; readonly loaded: number };
  #bar: Progress | undefined;
  #ended = false;

  constructor(terminal: Context["terminal"], file: string, loaded: number, total: number) {
    this.file = file;
    this.#total = total;
    this.#begun = { at: performance.now(), loaded };
    void terminal.progress(file, Math.round(total / 1e6)).then((bar) => {
      this.#bar = bar;
      if (this.#ended) bar.stop();
    });
  }

  update(loaded: number): void {
    const perSecond = (1000 * (loaded - this.#begun.loaded)) / (performance.now() - this.#begun.at);
    const left = duration((this.#total - loaded) / perSecond);
    this.#bar?.update(Math.round(loaded / 1e6), `MB  ${byteSize(Math.round(perSecond))}/s  ${left} left`);
  }

  stop(): void {
    this.#ended = true;
    this.#bar?.stop();
  }
}
