/** One look into a model: its forward traced once, and whatever a method asks of it computed in the same graph. */

import { compile } from "../compile/index.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { Value } from "../graph/value.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { argMax, at, oneHot, sum, Tensor, trace } from "../tensor/index.ts";
import type { Subject } from "./subject.ts";

/** Which tokens there are: some with names of their own, then the patches row by row. */
export interface TokenLayout {
  readonly prefix: number;
  readonly grid: GridSize;
}

/** Names of attention weights, of those inside patches, and of what lies where in windows. */
const probsTap = /^blocks\.(\d+)\.(?:.+\.)?probs$/;
export const innerTap: RegExp = /^blocks\.\d+\.inner$/;
export const windowsTap: RegExp = /^(.+)\.[^.]+\.windows$/;

/** A block whose attention stays inside windows. */
export interface WindowBlock {
  /** Its path, `layers.2.blocks.5`. */
  readonly name: string;
  /** Row and column in the map of what lies at each place of each window, [g, n, 2]; −1 for what fills a window. */
  readonly places: Tensor;
  /** [b·g, a, n, n], or [b, g·a, n, n]. */
  readonly probs: Tensor;
}

/** What a question sees while the graph is written. */
export interface Traced extends TokenLayout {
  /** The model's input [b, c, H, W]. */
  readonly images: Tensor;
  /** [b, labels]. */
  readonly logits: Tensor;
  /** The explained class' logit, summed over the batch: a scalar. */
  readonly logit: Tensor;
  /** Attention weights [b, a, n, n] of each block; several where a block has attentions side by side. */
  readonly attention: readonly (readonly Tensor[])[];
  /** Attention weights [b·n, a, m, m] of each block inside its patches; empty where they have no words. */
  readonly inner: readonly Tensor[];
  /** Attention inside windows, in the order of the blocks. */
  readonly windows: readonly WindowBlock[];
  /** @throws {VitrineError} UNKNOWN_NAME when the model has no such tap. */
  tap(name: string): Tensor;
}

/** What a method wants to know of a run, by names of its own. */
export type Question = (traced: Traced) => Readonly<Record<string, Tensor>>;

/** What was seen. */
export interface Seen extends TokenLayout {
  /** [labels], of the first image. */
  readonly logits: Float32Array;
  readonly classIndex: number;
  /** Number of blocks with attention. */
  readonly blocks: number;
  readonly answers: Readonly<Record<string, NdArray>>;
}

/** Where a look is computed, and at what. */
export interface LookOptions {
  readonly runtime: Runtime;
  /** The explained class; the predicted one of each image without it. */
  readonly classIndex?: number | undefined;
}

/** A model loaded together with a question. */
export interface Looker extends AsyncDisposable {
  /** @param images float32 of the shape that the looker was opened for */
  run(images: NdArray): Promise<Seen>;
}

/**
 * Loads a model together with a question: one graph for both.
 * @param shape of the images, [b, c, H, W]
 * @throws {VitrineError} UNKNOWN_NAME when the model lacks a tap that is asked for, INVALID_ARGUMENT for a class that it has not.
 */
export async function openLooker(
  subject: Subject,
  shape: readonly number[],
  question: Question,
  { runtime, classIndex }: LookOptions,
): Promise<Looker> {
  const layouts: (TokenLayout & { readonly blocks: number })[] = [];
  const executable = await compile(
    ({ images }) => {
      const { result: logits, taps } = trace(() => subject.forward(images));
      const traced = {
        images,
        logits,
        logit: logitOf(logits, classIndex),
        ...attentionTaps(taps, shape[0]!),
        windows: windowTaps(taps),
        tap: (name: string) => tapNamed(taps, name),
        ...layoutOf(subject, taps),
      };
      layouts.push({ prefix: traced.prefix, grid: traced.grid, blocks: traced.attention.length });
      return { ...question(traced), logits };
    },
    { images: shape },
    { runtime },
  );
  return {
    run: async (images) => {
      const { logits, ...answers } = await executable.run({ images });
      const scores = (logits!.data as Float32Array).subarray(0, logits!.shape[1]);
      return { ...layouts[0]!, logits: scores, classIndex: classIndex ?? scores.indexOf(Math.max(...scores)), answers };
    },
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}

/**
 * Runs a model on images once and answers a question about the run.
 * @param images float32 [b, c, H, W]
 * @throws {VitrineError} what `openLooker` throws.
 */
export async function look(subject: Subject, images: NdArray, question: Question, options: LookOptions): Promise<Seen> {
  await using looker = await openLooker(subject, images.shape, question, options);
  return await looker.run(images);
}

/** [b, labels] → the sum over the batch of one class' logits. */
function logitOf(logits: Tensor, classIndex: number | undefined): Tensor {
  const labels = logits.shape[1];
  if (logits.rank !== 2 || typeof labels !== "number")
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "explain: a model must give logits [b, labels]",
      evidence: `got [${logits.shape.join(", ")}]`,
    });
  if (classIndex === undefined) return sum(logits.mul(oneHot(argMax(logits, 1), labels)));
  if (!(Number.isInteger(classIndex) && classIndex >= 0 && classIndex < labels))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `explain: a class is a number from 0 to ${labels - 1}`,
      evidence: `got ${classIndex}`,
    });
  return sum(at(logits, 1, classIndex));
}

/**
 * Self-attention weights by block: `blocks.I.attn.probs`, `blocks.I.probs`, `blocks.I.attns.J.attn.probs`. Those inside each token have more rows
 * than there are images.
 */
function attentionTaps(taps: ReadonlyMap<string, Value>, images: number): Pick<Traced, "attention" | "inner"> {
  const [blocks, inner]: [Tensor[][], Tensor[]] = [[], []];
  for (const [name, value] of taps) {
    const [, index] = probsTap.exec(name) ?? [];
    if (index === undefined) continue;
    if (value.shape[0] === images) (blocks[Number(index)] ??= []).push(new Tensor(value));
    else inner.push(new Tensor(value));
  }
  return { attention: blocks.filter((parts) => parts !== undefined), inner };
}

function windowTaps(taps: ReadonlyMap<string, Value>): readonly WindowBlock[] {
  return [...taps].flatMap(([tap, places]) => {
    const [, name] = windowsTap.exec(tap) ?? [];
    const probs = taps.get(tap.replace(/windows$/, "probs"));
    return name !== undefined && probs ? [{ name, places: new Tensor(places), probs: new Tensor(probs) }] : [];
  });
}

function tapNamed(taps: ReadonlyMap<string, Value>, name: string): Tensor {
  const value = taps.get(name);
  if (value) return new Tensor(value);
  throw new VitrineError("UNKNOWN_NAME", {
    rule: `explain: this method needs a tap "${name}"`,
    evidence: `the model has ${[...taps.keys()].join(", ") || "none"}`,
  });
}

/** The grid of this image, which may differ from the model's own where positions are resized. */
function layoutOf(subject: Subject, taps: ReadonlyMap<string, Value>): TokenLayout {
  if (!subject.ordered) return { prefix: 0, grid: subject.grid };
  const patches = tapNamed(taps, "patch_embed").shape as readonly number[];
  const grid: GridSize = patches.length === 4 ? [patches[1]!, patches[2]!] : subject.grid;
  return { prefix: subject.prefix.length, grid };
}
