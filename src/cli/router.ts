/** Which of the package's models knows a picture: what `models/router` says, a small model whose labels are the names of the others, and `neither`. */

import type { Image } from "../data/image.ts";
import { loadPretrained } from "../pretrained/load-node.ts";
import { packagedRouter } from "../pretrained/packaged-node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { classifier } from "../tasks/classify.ts";

/** The router's label for what none of the models learned from. */
export const neither = "neither";

/** The model for one picture. */
export interface Route {
  /** Position among the models. */
  readonly model: number;
  /** Whether the picture is like those that the model learned from. */
  readonly known: boolean;
}

/** Sends pictures to models. */
export interface Router {
  route(images: readonly Image[]): Promise<readonly Route[]>;
}

/**
 * The package's router.
 * @param models of the package
 * @param pictures how many there will be, at a guess
 */
export async function openRouter(
  models: readonly { readonly name: string }[],
  runtime: Runtime,
  pictures?: number,
): Promise<Router> {
  const pretrained = await loadPretrained(packagedRouter());
  const { labels } = pretrained;
  const run = await classifier(pretrained, runtime, { pictures });
  return {
    route: async (images) =>
      (await run.classify(images, { top: labels.length })).map((said) => ({
        model: modelNamed(said.find(({ label }) => label !== neither)!.label),
        known: said[0]!.label !== neither,
      })),
  };

  function modelNamed(label: string): number {
    return models.findIndex(({ name }) => name === label);
  }
}

/**
 * Asks of each picture the one model that its route names; those of a model together.
 * @param ask - what a model, by its position, says of pictures; not called for a model that gets none
 * @returns in the pictures' order
 */
export async function askRouted<T>(
  routes: readonly Pick<Route, "model">[],
  images: readonly Image[],
  ask: (model: number, images: readonly Image[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const out = new Array<T>(images.length);
  for (const model of new Set(routes.map((route) => route.model))) {
    const own = images.flatMap((_, i) => (routes[i]!.model === model ? [i] : []));
    const said = await ask(
      model,
      own.map((i) => images[i]!),
    );
    for (const [at, i] of own.entries()) out[i] = said[at]!;
  }
  return out;
}

/** What is said of a picture that no model knows. */
export function unknownPicture(file: string): string {
  return `${file} is like nothing that the package's models learned from: the answer is a guess`;
}
