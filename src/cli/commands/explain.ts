/** `vitrine explain IMAGE`: a picture of why. */

import { basename, extname } from "node:path";
import { decodeImage } from "../../data/decode-node.ts";
import { lightFigure } from "../../data/ground.ts";
import type { Image } from "../../data/image.ts";
import { VitrineError } from "../../errors.ts";
import { explainImage } from "../../explain/explain-image.ts";
import { type Explanation, type ExplanationMap, explanationJson } from "../../explain/explanation.ts";
import { type MethodName, methodNamed } from "../../explain/methods.ts";
import { reconstructionMethod } from "../../explain/reconstruction.ts";
import { type ExplanationFormat, explanationFormats, renderExplanation } from "../../explain/render-node.ts";
import type { HeadFusion } from "../../explain/token-rows.ts";
import { writeFileAtomically } from "../../files/write-node.ts";
import type { GridSize } from "../../nn/positions.ts";
import { isMae } from "../../pretrained/mae-node.ts";
import type { Pretrained } from "../../pretrained/pretrained.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type Context, stopIfTold } from "../context.ts";
import { freshFile } from "../fresh.ts";
import { loadModels, type ModelOptions, withDownloads } from "../model.ts";
import { percent } from "../numbers.ts";
import { openRouter, unknownPicture } from "../router.ts";
import { right, table } from "../table.ts";
import { wordsFolder } from "../words.ts";
import { explainText } from "./explain-words.ts";

export interface ExplainOptions extends ModelOptions {
  readonly model?: string | undefined;
  readonly method?: string | undefined;
  readonly class?: string | undefined;
  readonly block?: number | undefined;
  readonly head?: number | undefined;
  readonly token?: number | undefined;
  readonly patch?: GridSize | undefined;
  readonly fusion?: HeadFusion | undefined;
  readonly discard?: number | undefined;
  /** Of a model that translates: the translation whose making is shown. */
  readonly target?: string | undefined;
  readonly out?: string | undefined;
}

/** Writes the picture and prints the numbers that it shows. */
export async function explain(
  context: Context,
  [file]: readonly [string],
  options: ExplainOptions,
): Promise<undefined> {
  const { model, arch, method, class: asked, target, out, ...choices } = options;
  if (model !== undefined && (await wantsReconstruction(context, model, { arch, method })))
    return (await import("./explain-autoencoder.ts")).explainAutoencoder(context, file, { ...options, model });
  const words = model !== undefined && arch === undefined ? await wordsFolder(context, model) : undefined;
  if (words) return explainText(context, file, { ...options, ...words, format: formatOf(out ?? ".png") });
  if (target !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--target is for models that translate",
      evidence: model === undefined ? "got none with --model" : `got ${model}`,
    });
  if (method !== undefined) requireMethod(method);
  const format = formatOf(out ?? ".png");
  const decoded = decodeImage(file);
  // Awaited below; a failure that comes first must not be an unhandled one.
  decoded.catch(() => {});
  const loading = loadModels(context, model, { arch }, decoded);
  const [models, runtime, given] = await Promise.all([loading, context.runtime(), decoded]);
  const image = model === undefined ? lightFigure(given) : given;
  const pretrained = await knowingModel(context, models, { file, image, runtime });
  const { block, head, token, patch, fusion, discard } = choices;
  const explanation = await explainImage({
    pretrained,
    runtime,
    image,
    method,
    class: asked === undefined ? undefined : classNamed(asked, pretrained.labels),
    ...{ block, head, token, patch, fusion, discard },
  });
  stopIfTold(context);
  const path = out ?? (await freshFile(`${basename(file, extname(file))}-${explanation.method}.png`));
  await writeFileAtomically(path, [await renderExplanation(explanation, image, { format })]);
  context.terminal.result(
    { file, out: path, ...(JSON.parse(explanationJson(explanation)) as object) },
    `${explanationText(explanation)}\npicture  ${path}`,
  );
  return undefined;
}

/** Whether an autoencoder is to paint: it was asked to, or was asked for nothing else. */
async function wantsReconstruction(
  context: Context,
  model: string,
  { arch, method }: Pick<ExplainOptions, "arch" | "method">,
): Promise<boolean> {
  if (method !== undefined) return method === reconstructionMethod;
  return withDownloads(context, (call) => isMae(model, { arch, call }));
}

/** The one model, or of several the one that knows the picture. */
async function knowingModel(
  { terminal }: Context,
  models: readonly Pretrained[],
  { file, image, runtime }: { readonly file: string; readonly image: Image; readonly runtime: Runtime },
): Promise<Pretrained> {
  if (models.length === 1) return models[0]!;
  const router = await openRouter(models, runtime, 1);
  const [route] = await router.route([image]);
  if (!route!.known) terminal.warn(unknownPicture(file));
  return models[route!.model]!;
}

function requireMethod(name: string): asserts name is MethodName {
  if (name === reconstructionMethod)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "reconstruction is for masked autoencoders",
      evidence: "got none with --model",
      next: "give a folder autoencoder/ that `vitrine pretrain` made, or facebook/vit-mae-base",
    });
  methodNamed(name, []);
}

export function formatOf(path: string): ExplanationFormat {
  const format = explanationFormats.find((one) => path.toLowerCase().endsWith(`.${one}`));
  if (format) return format;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `--out must end in ${explanationFormats.map((one) => `.${one}`).join(", ")}`,
    evidence: `got ${path}`,
  });
}

/**
 * The index of a class that was asked for by index or label.
 * @throws {VitrineError} UNKNOWN_NAME for a label that the model has not.
 */
function classNamed(asked: string, labels: readonly string[]): number {
  const exact = labels.indexOf(asked);
  if (exact >= 0) return exact;
  if (/^\d+$/.test(asked)) return Number(asked);
  const wanted = asked.toLowerCase();
  const near = labels.filter((label) => label.toLowerCase().includes(wanted));
  if (near.length === 1) return labels.indexOf(near[0]!);
  const some = near.length > 0 ? near : labels;
  throw new VitrineError("UNKNOWN_NAME", {
    rule: "--class must be a label of the model, or its index",
    evidence: `got "${asked}"`,
    next: `${near.length > 0 ? "these have it in their name" : "its labels are"} ${some.slice(0, 6).join(", ")}${some.length > 6 ? `, … (${some.length})` : ""}`,
  });
}

/** More maps than this are in the picture only. */
const listedMaps = 12;

/** The numbers of an explanation in words. */
export function explanationText(explanation: Explanation): string {
  if (explanation.kind !== "image") return `${explanation.method} of ${explanation.model}: ${explanation.quantity}\n`;
  const { label, classIndex, score, method, quantity, query, maps, facts } = explanation;
  const lines: (readonly [string, string])[] = [
    ...(label === "" ? [] : [["class", `${label} (${classIndex}), ${percent(score, 1)}`] as const]),
    ["method", `${method}: ${quantity}${query === "" ? "" : ` of the ${query}`}`],
    ...Object.entries(facts).map(([name, value]) => [name, String(value)] as const),
  ];
  const named = table(["", ""], lines);
  if (maps.length > listedMaps) return `${named}${maps.length} maps\n`;
  const columns = ["map", right("largest"), "at row, column", right("sum"), right("outside patches")];
  return `${named}\n${table(columns, maps.map(mapRow))}`;
}

function mapRow({ name, cols, values, outside }: ExplanationMap): readonly string[] {
  const at = values.indexOf(values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY));
  const total = values.reduce((sum, value) => sum + value, 0);
  return [
    name,
    values[at]!.toPrecision(3),
    `${Math.floor(at / cols)}, ${at % cols}`,
    total.toPrecision(3),
    outside === 0 ? "" : outside.toPrecision(3),
  ];
}
