/** `vitrine pretrain DATA`: a masked autoencoder on images, whatever their labels; its encoder is what `vitrine train --from` begins with. */

import { mkdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Dataset } from "../../data/datasets/dataset.ts";
import { encodePng } from "../../data/decode-node.ts";
import { VitrineError } from "../../errors.ts";
import { rasterize } from "../../explain/picture.ts";
import { drawReconstruction, reconstruct } from "../../explain/reconstruction.ts";
import { writeFileAtomically } from "../../files/write-node.ts";
import type { MAEOptions } from "../../models/mae/config.ts";
import { fineTuned, maeAround, maeEncoder } from "../../models/mae/encoder.ts";
import { MAE } from "../../models/mae/mae.ts";
import type { ViTOptions } from "../../models/vit/config.ts";
import { ViT } from "../../models/vit/vit.ts";
import { loadMae, saveMae } from "../../pretrained/mae-node.ts";
import { newPretrained } from "../../pretrained/new.ts";
import type { Pretrained } from "../../pretrained/pretrained.ts";
import { savePretrained } from "../../pretrained/save-node.ts";
import { MaskedPainter, maskedPretraining, painting } from "../../train/pretraining.ts";
import { recipeFrom } from "../../train/recipe.ts";
import { refuseUsedFolder } from "../../train/run-folder-node.ts";
import { readRun, trainInFolder } from "../../train/run-node.ts";
import type { Context } from "../context.ts";
import { freshFolder } from "../fresh.ts";
import { type ModelOptions, withDownloads } from "../model.ts";
import { counted, duration, grouped } from "../numbers.ts";
import { openTrainingData } from "../train-data.ts";
import { presetOf } from "../train-model.ts";
import { absolute, absoluteData, defined, settingsFrom, type TrainSettings } from "../train-settings.ts";
import { Teller } from "../train-teller.ts";

export interface PretrainOptions extends ModelOptions {
  readonly model?: string | undefined;
  readonly from?: string | undefined;
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly lr?: number | undefined;
  readonly mask?: number | undefined;
  readonly out?: string | undefined;
  readonly resume: boolean;
  readonly dataDir?: string | undefined;
  readonly limit?: number | undefined;
  readonly workers: number;
  readonly checkpointEvery?: number | undefined;
  readonly strict: boolean;
}

/** Pre-trains in the foreground; ends with where things are and what to type next. */
export async function pretrain(
  context: Context,
  [data]: readonly [string | undefined],
  options: PretrainOptions,
): Promise<undefined> {
  const { terminal } = context;
  const { out, resume, workers, strict, checkpointEvery } = options;
  if (resume && out === undefined)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "--resume needs --out, the folder of the run" });
  if (options.model !== undefined && options.from !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--model begins with random weights, --from with an autoencoder's",
      next: "give one of them",
    });
  const before = resume ? await readRun(resolve(out!)) : undefined;
  if (data === undefined && !before)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "pretrain needs DATA", next: "shapes to try it" });
  const settings = settingsFrom(before?.settings, {
    data: await absoluteData(data),
    dataDir: options.dataDir && resolve(options.dataDir),
    model: options.model,
    from: await absolute(options.from),
    arch: options.arch,
    limit: options.limit,
    options: options.mask === undefined ? undefined : { maskRatio: options.mask },
  });
  const seed = before && context.seed === 0 ? before.seed : context.seed;
  const recipe = recipeFrom(
    before?.recipe ?? maskedPretraining,
    defined({ epochs: options.epochs, batchSize: options.batch, learningRate: options.lr }),
    "the recipe",
  );
  if (out !== undefined && !resume) await refuseUsedFolder(out);
  const { train } = await openTrainingData(settings, seed);
  const { encoder, mae } = await modelsFor(context, settings, train, seed);
  const folder = out ?? (await freshFolder(join("vitrine-out", `${basename(settings.data)}-pretrained`)));
  terminal.note(`data        ${train.name}: ${counted(train.length, "image")}; labels are not looked at`);
  terminal.note(
    `model       ${settings.from ?? `${encoder.architecture}'s kind`}, ${grouped(mae.parameterCount())} parameters with the decoder, ${Math.round(100 * mae.config.maskRatio)} % of ${encoder.preprocessing.inputSize.slice(1).join(" × ")} pixels hidden`,
  );
  terminal.note(`folder      ${folder}`);
  const teller = new Teller(context, { epochs: recipe.epochs, classifies: false, validationShare: 0 });
  const autoencoder = join(folder, "autoencoder");
  const save = async (): Promise<void> => {
    await mkdir(autoencoder, { recursive: true });
    await saveMae(autoencoder, { model: mae, preprocessing: encoder.preprocessing });
    await savePretrained(folder, { ...encoder, model: maeEncoder(mae), labels: [] }, { replace: true });
  };
  try {
    const events = trainInFolder({
      pretrained: { ...encoder, labels: train.classes },
      ...{ train, recipe, seed, folder, resume, workers, strict, checkpointEvery, settings: { ...settings } },
      trainee: { model: new MaskedPainter(mae), save },
      objective: painting(mae),
      runtime: await context.runtime(),
      signal: context.signal,
    });
    for await (const event of events) await teller.tell(event);
  } catch (error) {
    if (error instanceof VitrineError && error.code === "INTERRUPTED")
      terminal.note(`to go on: vitrine pretrain --resume --out ${folder}`);
    throw error;
  } finally {
    teller.stop();
  }
  const picture = join(folder, "reconstruction.png");
  const sample = await train.get(0);
  const seen = { model: mae, preprocessing: encoder.preprocessing, image: sample.image, seed };
  const drawn = drawReconstruction(await reconstruct({ ...seen, runtime: await context.runtime() }));
  await writeFileAtomically(picture, [await encodePng(rasterize(drawn))]);
  const result = {
    ...{ folder, autoencoder, picture, parameters: mae.parameterCount(), epochs: recipe.epochs },
    ...{ loss: teller.last?.train.loss ?? null, skipped: teller.skipped, seconds: teller.seconds },
  };
  terminal.result(result, summaryText(result, settings));
  return undefined;
}

/** The encoder as `vitrine train` will find it, and the autoencoder around it with its first weights. */
interface Models {
  readonly encoder: Pretrained<ViT>;
  readonly mae: MAE;
}

async function modelsFor(context: Context, settings: TrainSettings, train: Dataset, seed: number): Promise<Models> {
  const options = (settings.options ?? {}) as MAEOptions;
  if (settings.from !== undefined) return trainedModels(context, { ...settings, from: settings.from }, options);
  const encoder = await encoderFor(settings, train);
  const small = encoder.model.config.width < 384 ? smallDecoder : {};
  const mae = new MAE(maeAround(encoder.model.config, { ...small, ...options })).initialize(seed);
  return { encoder: { ...encoder, model: maeEncoder(mae) }, mae };
}

/** Those of an autoencoder that learns on; a share of hidden patches that was asked for is its share from now on. */
async function trainedModels(
  context: Context,
  { from, arch }: TrainSettings & { readonly from: string },
  options: MAEOptions,
): Promise<Models> {
  const { model, preprocessing } = await withDownloads(context, (call) => loadMae(from, { arch, call }));
  // transformers' files have another ε than the authors' code, and timm's files of the encoder could not say it.
  const mae = new MAE({ ...model.config, eps: fineTuned.eps, ...options });
  const learnt = model.variables();
  for (const [name, variable] of mae.variables()) variable.data = learnt.get(name)!.data;
  const architecture = "vit_base_patch16_224";
  return { encoder: { name: from, architecture, model: maeEncoder(mae), preprocessing, labels: [] }, mae };
}

/** A decoder for small encoders, narrower and shallower as the paper's is beside its own. */
const smallDecoder: MAEOptions = { decoderWidth: 96, decoderDepth: 2, decoderHeads: 3 };

async function encoderFor(settings: TrainSettings, train: Dataset): Promise<Pretrained<ViT>> {
  if (settings.model !== undefined) {
    const averaging: Omit<ViTOptions, "labels"> = { pool: "avg", finalNorm: "pooled" };
    const named = newPretrained(settings.model, { labels: [], options: averaging });
    return { ...named, model: requireViT(named) };
  }
  const { architecture, options, preprocessing } = await presetOf(settings, { train });
  // A cell of a stem's result is four pixels wide; an autoencoder needs the patches themselves.
  const stem = architecture !== plainArchitecture;
  const wanted = Number(options.patchSize) * (stem ? 4 : 1);
  const patchSize = Math.min(wanted, Math.floor(Number(options.imageSize) / leastPatches));
  const plain = { ...options, patchSize, pool: "avg" as const };
  const made = newPretrained(plainArchitecture, { labels: [], options: plain, preprocessing });
  return { ...made, model: requireViT(made) };
}

/** Patches on a side of the image: of fewer, a quarter says too little of the rest. */
const leastPatches = 7;

const plainArchitecture = "vit_tiny_patch16_224";

function requireViT({ name, model }: Pretrained): ViT {
  if (model instanceof ViT) return model;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "pretrain: the encoder must be a Vision Transformer",
    evidence: `got ${name}`,
  });
}

interface PretrainResult {
  readonly folder: string;
  readonly autoencoder: string;
  readonly picture: string;
  readonly loss: number | null;
  readonly seconds: number;
}

function summaryText(
  { folder, autoencoder, picture, loss, seconds }: PretrainResult,
  { data, dataDir }: { readonly data: string; readonly dataDir?: string | undefined },
): string {
  const train = `vitrine train ${data}${dataDir ? ` --data-dir ${dataDir}` : ""} --from ${folder}`;
  return [
    `done in ${duration(seconds)}${loss === null ? "" : `: error of what was painted ${loss.toFixed(4)}`}`,
    `encoder      ${folder} (config.json, preprocessor_config.json, model.safetensors)`,
    `autoencoder  ${autoencoder}`,
    `picture      ${picture}`,
    "",
    "What you can do now:",
    `  ${train}                all weights, or what fits`,
    `  ${train} --tune probe   a head alone, on what the encoder sees`,
    `  vitrine explain IMAGE --model ${autoencoder}`,
  ].join("\n");
}
