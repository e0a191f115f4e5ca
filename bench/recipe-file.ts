/** Recipes with their numbers: what `recipes/*.json` hold. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";

/** One figure: how many of the test images are right, in [0, 1]; BLEU of the test pairs, 0 to 100; or nats for each token of a text. */
export type Expected = { readonly accuracy: number } | { readonly bleu: number } | { readonly loss: number };

/** One call of the command line. */
export interface Training {
  /** What follows `vitrine`; DATA comes second. */
  readonly command: readonly string[];
  /** Settings of the recipe over those that the command would choose, as in a file for `--config`; `model` has the model's. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A training that anybody can repeat, and what it should come to. */
export interface RecipeFile extends Training {
  /** The file's name without its ending. */
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** Files and folders below the folder of data, `{data}`; without them the recipe cannot be run. */
  readonly needs: readonly string[];
  /** How the data is made of them, where it does not lie there as it is; `{made}` is the result. */
  readonly make?: "cifar10-folder" | undefined;
  /** What comes first, in this order; `{before}` is the folder that the part before ends with, `{part 2}` that of the second. */
  readonly before?: readonly Training[] | undefined;
  readonly seeds: readonly number[];
  readonly hardware: string;
  /** Of one training, there. */
  readonly minutes: number;
  /** The median of the seeds, as `vitrine eval` judges. */
  readonly expected: Expected & {
    readonly tolerance: number;
    /** Whether somebody has run it and got this, or it is what it should reach. */
    readonly origin: "measured" | "aim";
  };
  readonly note: string;
}

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const text = v.pipe(v.string(), v.nonEmpty());
const origin = { origin: v.picklist(["measured", "aim"]) };
const positive = v.pipe(v.number(), v.gtValue(0));
const training = { command: v.pipe(v.array(text), v.minLength(2)), settings: v.record(v.string(), v.unknown()) };

/** What a file must be. */
export const recipeFileSchema: v.GenericSchema<unknown, RecipeFile> = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)),
  about: text,
  needs: v.array(text),
  make: v.optional(v.picklist(["cifar10-folder"])),
  before: v.optional(v.pipe(v.array(v.strictObject(training)), v.minLength(1))),
  ...training,
  seeds: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.minLength(1)),
  hardware: text,
  minutes: v.pipe(v.number(), v.gtValue(0)),
  expected: v.union([
    v.strictObject({ accuracy: share, tolerance: share, ...origin }),
    v.strictObject({ bleu: v.pipe(positive, v.maxValue(100)), tolerance: positive, ...origin }),
    v.strictObject({ loss: positive, tolerance: positive, ...origin }),
  ]),
  note: v.string(),
});

/** All recipes in a folder, by name. @throws where a file is no recipe, or has another name than its content */
export function readRecipes(folder: string): ReadonlyMap<string, RecipeFile> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(
    names.sort().map((file) => {
      const recipe = v.parse(recipeFileSchema, JSON.parse(readFileSync(join(folder, file), "utf8")));
      if (`${recipe.name}.json` !== file) throw new Error(`${file} calls itself ${recipe.name}`);
      return [recipe.name, recipe];
    }),
  );
}
