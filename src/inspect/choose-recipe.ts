/**
 * The recipe that fits data and weights, and why: the choices somebody with experience would make, as rules on a few numbers.
 *
 * What the rules rest on is measured in `bench/README.md` ("What `train` chooses by itself").
 */

import { adapterTuning, fineTuning, fromScratch, probing, type Recipe } from "../train/recipe.ts";

/** What a choice rests on. */
export interface TrainingFacts {
  /** Training images. */
  readonly images: number;
  readonly classes: readonly string[];
  /** Training images of the smallest and of the largest class. */
  readonly smallestClass: number;
  readonly largestClass: number;
  /** Whether the model has trained weights, other than its head's. */
  readonly weights: boolean;
  /** Share of each class's training images that a linear head on the weights' features gets right, cross-validated, averaged over the classes; undefined where it was not measured. */
  readonly probeAccuracy?: number | undefined;
  /** Whether the head begins with what it knows, its own weights or the best linear head on the features (`startHead`), instead of at random. */
  readonly trainedHead?: boolean;
  /** Linear maps beside which adapters can stand; none in a network of convolutions. */
  readonly adapterTargets?: readonly string[];
  /** The middle one of the images' shorter sides, in pixels; undefined where nobody looked. */
  readonly shorterSide?: number | undefined;
  /** The larger side of the model's input, in pixels. */
  readonly inputSide?: number;
  /** For a model without trained weights: the recipe that fits it. */
  readonly base?: Recipe | undefined;
  /** Whether `base` was made for this very data set. */
  readonly isPreset?: boolean;
}

/** One thing that was decided, and why. */
export interface Choice {
  /** `method`, `epochs`. */
  readonly what: string;
  readonly value: string;
  readonly reason: string;
}

/** A recipe with its reasons. */
export interface ChosenRecipe {
  readonly recipe: Recipe;
  readonly choices: readonly Choice[];
}

/** Up to so many training images, moving all weights is a gamble. */
const few = 2000;
/** From this accuracy on, the features of frozen weights are taken to be good enough. */
const goodFeatures = 0.9;
/** One class is shown as often as another where the largest has more than so many times the images of the smallest. */
const uneven = 4;

/**
 * Chooses.
 * @param asked settings that the user has set: they win, and other settings are chosen to fit them
 */
export function chooseRecipe(facts: TrainingFacts, asked: Partial<Recipe> = {}): ChosenRecipe {
  const choices: Choice[] = [];
  const choose = <K extends keyof Recipe>(key: K, what: string, value: Recipe[K], reason: string): Recipe[K] => {
    const given = asked[key];
    const chosen = given === undefined ? value : (given as Recipe[K]);
    choices.push({ what, value: textOf(chosen), reason: given === undefined ? reason : "as asked" });
    return chosen;
  };
  const method = methodFor(facts);
  const tune = choose("tune", "method", method.tune, method.reason);
  const base = facts.weights ? { probe: probing, lora: adapterTuning, full: fineTuning }[tune] : facts.base!;
  const { adapterTargets = [] } = facts;
  const loraTargets =
    tune === "lora" && adapterTargets.length > 0 && textOf(adapterTargets) !== textOf(base.loraTargets)
      ? choose("loraTargets", "adapters", adapterTargets, "the linear maps of this model")
      : base.loraTargets;
  const batch = batchFor(facts, base);
  const batchSize = choose("batchSize", "batch", batch.value, batch.reason);
  const steps = Math.max(1, Math.floor(facts.images / Math.min(batchSize, facts.images)));
  const length = epochsFor(facts, tune, base, steps);
  const epochs = choose("epochs", "epochs", length.value, length.reason);
  const rate = rateFor(facts, tune, base, batchSize);
  const learningRate = choose("learningRate", "learning rate", rate.value, rate.reason);
  const mirror = flipFor(facts, base);
  const flip = choose("flip", "mirror images", mirror.value, mirror.reason);
  const kept = presizeFor(facts, { ...base, ...asked });
  const presize = kept ? choose("presize", "presize", kept.value, kept.reason) : base.presize;
  const ratio = facts.largestClass / Math.max(1, facts.smallestClass);
  const balance =
    ratio > uneven || asked.balance !== undefined
      ? choose(
          "balance",
          "balance",
          true,
          `the largest class has ${ratio.toFixed(1)} times the images of the smallest: each class is shown equally often`,
        )
      : base.balance;
  // Smoothed labels would draw a head that is calibrated already away from what it is.
  const refined = tune === "probe" && facts.trainedHead ? { labelSmoothing: 0, probeViews: 2 } : {};
  const warmupEpochs = Math.min(base.warmupEpochs, epochs / 4);
  const minLearningRate = Math.min(base.minLearningRate, learningRate);
  const chosen = {
    tune,
    loraTargets,
    batchSize,
    epochs,
    learningRate,
    flip,
    presize,
    balance,
    warmupEpochs,
    minLearningRate,
  };
  const recipe = { ...base, ...refined, ...chosen, ...asked };
  return { recipe, choices: [...choices, ...otherSettings(recipe, asked, facts)] };
}

/** What choices of their own speak of. */
const said: ReadonlySet<string> = new Set<keyof Recipe>([
  ...(["tune", "loraTargets", "batchSize", "epochs", "learningRate", "flip", "presize", "balance"] as const),
]);

/** In one line all else that is not as `fromScratch` has it, by the names of `recipe.json`. */
function otherSettings(
  recipe: Recipe,
  asked: Partial<Recipe>,
  { weights, isPreset, trainedHead }: TrainingFacts,
): readonly Choice[] {
  const usual = new Map<string, unknown>(Object.entries(fromScratch));
  const others = Object.entries(recipe).filter(
    ([name, value]) => !said.has(name) && !(name in asked) && textOf(value) !== textOf(usual.get(name)),
  );
  if (others.length === 0) return [];
  const fits = isPreset ? "as measured on this data set" : "usual for such a model on such images";
  const refined = "usual for fine-tuning; a head that begins trained is refined with few views and true labels";
  const tuned = recipe.tune === "probe" && trainedHead ? refined : "usual for fine-tuning";
  return [
    {
      what: "other settings",
      value: others.map(([name, value]) => `${name} ${textOf(value)}`).join(", "),
      reason: `${weights ? tuned : fits}; --config sets each`,
    },
  ];
}

interface Reasoned<T> {
  readonly value: T;
  readonly reason: string;
}

function methodFor({ weights, images, probeAccuracy, adapterTargets }: TrainingFacts): {
  readonly tune: Recipe["tune"];
  readonly reason: string;
} {
  const count = `${images.toLocaleString("en-US")} training images`;
  if (!weights) return { tune: "full", reason: "nothing is trained yet, so all weights learn" };
  if (images > few) return { tune: "full", reason: `${count} are enough to move all weights` };
  if (probeAccuracy === undefined)
    return { tune: "probe", reason: `${count} are few: only the head learns, the weights stay as they are` };
  const share = `${(100 * probeAccuracy).toFixed(1)} %`;
  if (probeAccuracy >= goodFeatures)
    return {
      tune: "probe",
      reason: `a head alone gets ${share} of unseen training images right, averaged over the classes, and ${count} are few to move more`,
    };
  const poor = `a head alone gets only ${share} of unseen training images right, averaged over the classes`;
  if (adapterTargets?.length === 0)
    return { tune: "full", reason: `${poor}, and there are no linear maps for adapters: all weights learn` };
  return { tune: "lora", reason: `${poor}, and ${count} are few to move all weights: adapters` };
}

function batchFor({ weights, images }: TrainingFacts, base: Recipe): Reasoned<number> {
  if (weights && images > few) return { value: 32, reason: "there are images enough for steadier steps" };
  if (images < 8 * base.batchSize && base.tune !== "probe") {
    const value = Math.max(2, Math.min(base.batchSize, 2 ** Math.floor(Math.log2(Math.max(2, images / 8)))));
    return { value, reason: "so that an epoch has about eight steps or more" };
  }
  return { value: base.batchSize, reason: weights ? "usual for fine-tuning" : "usual for such a model" };
}

function epochsFor(
  { weights, images, isPreset, trainedHead }: TrainingFacts,
  tune: Recipe["tune"],
  base: Recipe,
  steps: number,
): Reasoned<number> {
  if (!weights) {
    const value = isPreset ? base.epochs : Math.min(100, Math.max(base.epochs, Math.ceil(3000 / steps)));
    return {
      value,
      reason: isPreset
        ? "enough for this data set, as measured"
        : "about 3,000 steps, but at least 30 and at most 100 epochs",
    };
  }
  if (tune === "probe" && trainedHead)
    return { value: 4, reason: "the head begins where a probe ends; what is left is to see each image in other crops" };
  if (tune === "probe")
    return { value: base.epochs, reason: "they cost next to nothing: what the frozen weights see is computed once" };
  const value = images <= 500 ? 12 : images <= few ? 8 : 5;
  return {
    value,
    reason: `usual for fine-tuning on ${images <= 500 ? "few" : images <= few ? "some" : "many"} images`,
  };
}

function rateFor(
  { weights, trainedHead }: TrainingFacts,
  tune: Recipe["tune"],
  base: Recipe,
  batch: number,
): Reasoned<number> {
  if (!weights) {
    const value = Number((base.learningRate * Math.min(1, Math.sqrt(batch / base.batchSize))).toPrecision(2));
    return { value, reason: batch < base.batchSize ? "smaller, as the batch is" : "usual for such a model" };
  }
  if (tune === "probe" && trainedHead)
    return { value: 1e-4, reason: "small, so that the head's first weights are refined and not forgotten" };
  if (tune === "probe") return { value: base.learningRate, reason: "a head alone stands large steps" };
  const value = Number((base.learningRate * Math.sqrt(batch / base.batchSize)).toPrecision(2));
  return {
    value,
    reason: tune === "lora" ? "usual for adapters" : "small, so that trained weights keep what they know",
  };
}

/** From how many times the pixels that it needs along a side an image is made smaller first. */
const muchLarger = 2;

/** The least size, in steps of 32 pixels, at which the smallest crop still has as many pixels as the model sees. */
function presizeFor({ shorterSide, inputSide }: TrainingFacts, recipe: Recipe): Reasoned<number> | undefined {
  const { crop, cropScale, cropRatio } = recipe;
  if (shorterSide === undefined || inputSide === undefined || crop !== "resized") return undefined;
  const narrowest = Math.min(cropRatio[0], 1 / cropRatio[1]);
  const value = 32 * Math.ceil(inputSide / Math.sqrt(cropScale[0] * narrowest) / 32);
  if (shorterSide < muchLarger * value) return undefined;
  return {
    value,
    reason: `images whose shorter side has ${shorterSide.toLocaleString("en-US")} pixels are made smaller to this one first: it is enough for the smallest crop, and so small that they can be kept for later epochs`,
  };
}

/** Signs and directions become others in a mirror. */
function flipFor({ classes }: TrainingFacts, base: Recipe): Reasoned<number> {
  if (base.flip === 0) return { value: 0, reason: "this data set's images have a direction" };
  if (classes.length > 0 && classes.every((name) => [...name].length === 1))
    return { value: 0, reason: "the classes are letters or digits, which are others in a mirror" };
  if (classes.some((name) => /(^|[^a-z])(left|right)([^a-z]|$)/i.test(name)))
    return { value: 0, reason: "left and right are classes" };
  return { value: base.flip, reason: "a mirror image shows the same class" };
}

function textOf(value: unknown): string {
  if (typeof value === "boolean" || value === null) return value ? "yes" : "no";
  if (typeof value === "number" && value > 0 && value < 1e-2) return value.toExponential().replace("e-0", "e-");
  return Array.isArray(value) ? value.join(", ") : String(value);
}
