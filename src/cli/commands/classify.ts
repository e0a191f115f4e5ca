/** `vitrine classify IMAGE…`: labels. */

import { decodeImage } from "../../data/decode-node.ts";
import { lightFigure } from "../../data/ground.ts";
import type { Image } from "../../data/image.ts";
import { VitrineError } from "../../errors.ts";
import type { Pretrained } from "../../pretrained/pretrained.ts";
import { augmentedClassifier, type Views } from "../../tasks/augmented.ts";
import { type Classifier, classifier, type Prediction } from "../../tasks/classify.ts";
import type { Context } from "../context.ts";
import { loadModels, type ModelOptions } from "../model.ts";
import { percent } from "../numbers.ts";
import { askRouted, openRouter, type Router, unknownPicture } from "../router.ts";
import { right, table } from "../table.ts";

export interface ClassifyOptions extends ModelOptions {
  readonly model?: string | undefined;
  readonly top: number;
  readonly tta?: Views | undefined;
}

/** Pictures that are in memory at a time. */
const piece = 16;

type Answer =
  | {
      readonly file: string;
      /** Which of the package's models answers, and whether it learned from such pictures. */
      readonly model?: string;
      readonly known?: boolean;
      readonly predictions: readonly Prediction[];
    }
  | { readonly file: string; readonly error: VitrineError };

/**
 * Prints the best labels of each image.
 *
 * With one image, an image that cannot be read is the command's error; among several it is reported, the others are classified, and the check
 * fails.
 */
export async function classify(
  context: Context,
  [files]: readonly [readonly string[]],
  { model, arch, top, tta }: ClassifyOptions,
): Promise<boolean> {
  // The first pictures are decoded while the model is loaded.
  const decode = (some: readonly string[]): Promise<readonly Decoded[]> => decodeAll(some, model === undefined);
  let next = decode(files.slice(0, piece));
  const only = files.length === 1 ? next.then(requireReadable) : undefined;
  const [models, runtime] = await Promise.all([loadModels(context, model, { arch }, only), context.runtime(), only]);
  const run = (pretrained: Pretrained): Promise<Classifier> =>
    tta ? augmentedClassifier(pretrained, runtime, tta) : classifier(pretrained, runtime, { pictures: files.length });
  // Of several, those that no picture is for are not even compiled.
  const opened = new Map<number, Promise<Classifier>>();
  const ask: Asked = async (number, images) => {
    const one = opened.get(number) ?? run(models[number]!);
    opened.set(number, one);
    return (await one).classify(images, { top });
  };
  if (models.length === 1) opened.set(0, Promise.resolve(await run(models[0]!)));
  const router = models.length > 1 ? await openRouter(models, runtime, files.length) : undefined;
  const answers: Answer[] = [];
  for (let from = 0; from < files.length; from += piece) {
    const decoded = await next;
    next = decode(files.slice(from + piece, from + 2 * piece));
    answers.push(...(await answer(models, router, decoded, ask)));
  }
  const bad = answers.filter((one) => "error" in one);
  for (const { error } of bad) context.terminal.warn(error.message);
  for (const one of answers) if ("known" in one && one.known === false) context.terminal.warn(unknownPicture(one.file));
  context.terminal.result(answers.map(toJson), answers.map(toText).join("\n"));
  return bad.length === 0;
}

type Decoded = { readonly file: string } & ({ readonly image: Image } | { readonly error: VitrineError });

function requireReadable([one]: readonly Decoded[]): void {
  if (one && "error" in one) throw one.error;
}

/** @param packaged whether the package's own models are to read them */
function decodeAll(files: readonly string[], packaged: boolean): Promise<readonly Decoded[]> {
  return Promise.all(
    files.map(async (file): Promise<Decoded> => {
      try {
        const image = await decodeImage(file);
        return { file, image: packaged ? lightFigure(image) : image };
      } catch (error) {
        if (error instanceof VitrineError) return { file, error };
        throw error;
      }
    }),
  );
}

/** What a model says of pictures. */
type Asked = (model: number, images: readonly Image[]) => Promise<readonly (readonly Prediction[])[]>;

/** What the model says of each picture; of several, the one that the router names. */
async function answer(
  models: readonly Pretrained[],
  router: Router | undefined,
  decoded: readonly Decoded[],
  ask: Asked,
): Promise<readonly Answer[]> {
  const images = decoded.flatMap((one) => ("image" in one ? [one.image] : []));
  const routes = await router?.route(images);
  const said = await askRouted(routes ?? images.map(() => ({ model: 0 })), images, ask);
  let done = 0;
  return decoded.map((one) => {
    if ("error" in one) return { file: one.file, error: one.error };
    const at = done++;
    const predictions = said[at]!;
    const route = routes?.[at];
    if (!route) return { file: one.file, predictions };
    return { file: one.file, model: models[route.model]!.name, known: route.known, predictions };
  });
}

function toJson(one: Answer): unknown {
  return "error" in one
    ? { file: one.file, predictions: [], error: { code: one.error.code, message: one.error.message } }
    : one;
}

function toText(one: Answer): string {
  if ("error" in one) return `${one.file}\n  could not be read\n`;
  const rows = one.predictions.map(({ label, score }) => ["", percent(score, 1), label]);
  return `${one.file}${one.model === undefined ? "" : ` (${one.model})`}\n${table(["", right(""), ""], rows)}`;
}
