/** The methods by name: what each tells, and what may be chosen. */

import { VitrineError } from "../errors.ts";

/** What a method is, for help texts and for checking requests. */
export interface Method {
  /** One line for people. */
  readonly about: string;
  /** `image`: explains an image; `weights`: shows a trained model, whatever the image. */
  readonly of: "image" | "weights";
  /** What a model must have for it. */
  readonly needs: string;
  /** The choices that it knows. */
  readonly choices: readonly Choice[];
}

/** Choices besides model, image and method. */
export type Choice = "class" | "token" | "patch" | "block" | "head" | "fusion" | "discard";

/** The name of a method. */
export type MethodName =
  | "relevance"
  | "attention"
  | "inner-attention"
  | "window-attention"
  | "stages"
  | "rollout"
  | "grad-cam"
  | "integrated-gradients"
  | "attention-distance"
  | "positions"
  | "filters";

const ordered = "tokens that keep one order, as Vision Transformers have";

/** All methods. Without a choice, the first that fits a model is taken. */
export const methods: Readonly<Record<MethodName, Method>> = {
  relevance: {
    about: "which patches raised the class' logit, by attention weighted with its gradient (Chefer et al. 2021)",
    of: "image",
    needs: ordered,
    choices: ["class", "token", "patch"],
  },
  "grad-cam": {
    about:
      "places whose features raise the class' logit (Selvaraju et al. 2017); made for maps of features, weaker for patches",
    of: "image",
    needs: "maps of features or tokens of patches",
    choices: ["class"],
  },
  "integrated-gradients": {
    about: "what each patch's pixels add to the class' logit, from black to the image (Sundararajan et al. 2017)",
    of: "image",
    needs: "logits",
    choices: ["class"],
  },
  attention: {
    about: "what a token looks at, in each block and head",
    of: "image",
    needs: ordered,
    choices: ["token", "patch", "block", "head"],
  },
  "inner-attention": {
    about: "how much of its patch's attention each word gets, in each block and head (Han et al. 2021)",
    of: "image",
    needs: "attention inside its patches, as a Transformer in Transformer has",
    choices: ["block", "head"],
  },
  "window-attention": {
    about: "what a patch looks at inside its window, and in the next block inside the shifted one (Liu et al. 2021)",
    of: "image",
    needs: "attention inside windows, as a Swin Transformer has",
    choices: ["patch", "block", "head"],
  },
  stages: {
    about: "what each stage makes of the image: the mean of its channels, and those that vary most over the image",
    of: "image",
    needs: "stages that end with maps of features, as ResNets and Swin Transformers have",
    choices: [],
  },
  rollout: {
    about: "how attention mixes the patches from block to block (Abnar & Zuidema 2020); the same for every class",
    of: "image",
    needs: ordered,
    choices: ["token", "patch", "fusion", "discard"],
  },
  "attention-distance": { about: "how far each head looks, in pixels", of: "image", needs: ordered, choices: [] },
  positions: {
    about: "how alike the position embeddings of all patches are",
    of: "weights",
    needs: "learned position embeddings",
    choices: [],
  },
  filters: {
    about: "principal components of the first filters",
    of: "weights",
    needs: "a first map from pixels of grey or RGB images",
    choices: [],
  },
};

/** Names of all methods, in the order in which they are taken without a choice. */
export const methodNames: readonly MethodName[] = Object.keys(methods) as MethodName[];

/**
 * A method by name, with the request's choices checked against it.
 * @param given names of the choices that were made
 * @throws {VitrineError} UNKNOWN_NAME for another name, INVALID_ARGUMENT for a choice that the method does not know.
 */
export function methodNamed(name: string, given: readonly Choice[]): Method {
  if (!Object.hasOwn(methods, name))
    throw new VitrineError("UNKNOWN_NAME", {
      rule: `explain: a method is one of ${methodNames.join(", ")}`,
      evidence: `got "${name}"`,
    });
  const method = methods[name as MethodName];
  const stray = given.find((choice) => !method.choices.includes(choice));
  if (stray === undefined) return method;
  const others = methodNames.filter((other) => methods[other].choices.includes(stray));
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `explain: ${name} has no choice of ${stray}`,
    evidence: method.choices.length > 0 ? `it has ${method.choices.join(", ")}` : "it has none",
    next: `leave it out, or choose the method ${others.join(", ")}`,
  });
}
