/** How models of words learn: the logits of each word after the words before it, beside the word that stood there. */

import { accumulateGradients, compile, type Executable, type LossOutputs, type Specs } from "../../compile/index.ts";
import { grad } from "../../gradient/index.ts";
import { crossEntropy, wordSums } from "../../losses/index.ts";
import { Gpt2 } from "../../models/gpt2/gpt2.ts";
import type { RecurrentLanguage } from "../../models/recurrent-language.ts";
import { Seq2Seq } from "../../models/seq2seq.ts";
import type { WordTransformer } from "../../models/transformer/word-transformer.ts";
import { evaluation, type Mode } from "../../nn/module.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Means } from "../events.ts";
import type { Lesson } from "../lesson.ts";
import type { WordBatch } from "./word-batch.ts";

/** What a lesson in words knows of its model. */
interface Forced {
  readonly kinds: readonly [string, ...string[]];
  kindOf(batch: WordBatch): string;
  specs(kind: string): Specs;
  /** Teacher forcing: logits [b, n, v]. */
  logits(inputs: Readonly<Record<string, Tensor>>, mode: Mode): Tensor;
  /** The label that counts nothing. */
  readonly ignored: number;
  readonly parts: number;
}

/** How a lesson in words is given. */
export interface WordLessonSettings {
  /** In [0, 1); 0 without it. */
  readonly labelSmoothing?: number;
  /** As in a `Recipe`. */
  readonly recompute?: boolean;
}

/** Models that go on with texts. */
export type NextWordModel = Gpt2 | RecurrentLanguage;

/** Models that translate. */
export type TranslationModel = WordTransformer | Seq2Seq;

/** A lesson in words, and how what was learnt is measured. */
export interface WordLesson extends Lesson<WordBatch> {
  /** Compiles the measurement of a kind of batch: sums over all words that count, of the model as it is at each run. */
  compileMeasure(kind: string, runtime: Runtime): Promise<Executable>;
}

const words = (...shape: readonly (string | number)[]) => ({ dtype: "int64", shape }) as const;

/**
 * The next word of a text.
 * @param size windows of a batch, words of a window
 */
export function nextWordLesson(
  model: NextWordModel,
  settings: WordLessonSettings,
  size: readonly [number, number],
): WordLesson {
  const [batchSize, window] = size;
  return lessonIn(model, settings, {
    kinds: [String(batchSize)],
    kindOf: ({ arrays }) => String(arrays.ids!.shape[0]),
    specs: (kind) => ({ ids: words(Number(kind), window), labels: words(Number(kind), window) }),
    logits: ({ ids }, mode) => model.forward(ids!, mode),
    ignored: -100,
    // Recurrent steps run best on many rows at a time.
    parts: model instanceof Gpt2 ? partsOfWindows(batchSize, window) : 1,
  });
}

/** About a thousand words each, as `partsFor` cuts images. */
function partsOfWindows(batchSize: number, window: number): number {
  const wanted = Math.max(1, Math.min(8, Math.floor((batchSize * window) / 1024)));
  return Array.from({ length: wanted }, (_, i) => wanted - i).find((parts) => batchSize % parts === 0)!;
}

/**
 * The next word of a translation.
 * @param lengths of both sides that come up: a recurrent model has an executable for each
 */
export function translationLesson(
  model: TranslationModel,
  settings: WordLessonSettings,
  lengths: readonly number[],
): WordLesson {
  const { pad: ignored } = model.config;
  if (model instanceof Seq2Seq) {
    const [first = 1, ...rest] = lengths;
    return lessonIn(model, settings, {
      kinds: [String(first), ...rest.map(String)],
      kindOf: ({ arrays }) => String(arrays.target!.shape[1]),
      specs: (kind) => ({
        source: words("b", Number(kind)),
        lengths: words("b"),
        target: words("b", Number(kind)),
        labels: words("b", Number(kind)),
      }),
      logits: ({ source, lengths, target }, mode) =>
        model.forward({ source: source!, lengths: lengths!, target: target! }, mode).logits,
      ignored,
      parts: 1,
    });
  }
  return lessonIn(model, settings, {
    kinds: [""],
    kindOf: () => "",
    specs: () => ({ source: words("b", "s"), target: words("b", "t"), labels: words("b", "t") }),
    logits: ({ source, target }, mode) => model.forward({ source: source!, target: target! }, mode).logits,
    ignored,
    parts: 1,
  });
}

function lessonIn(
  model: NextWordModel | TranslationModel,
  { labelSmoothing = 0, recompute = false }: WordLessonSettings,
  { logits, ignored, ...forced }: Forced,
): WordLesson {
  const parameters = model.parameters();
  const trainables = [...parameters.values()];
  const means = (part: Readonly<Record<string, Tensor>>): LossOutputs => {
    const { labels } = part;
    const read = logits(part, { train: true });
    const loss = crossEntropy(read, labels!, { ignoreIndex: ignored, labelSmoothing });
    const { right, words } = wordSums(read, labels!, ignored);
    return { loss, accuracy: right.div(words) };
  };
  return {
    ...forced,
    model,
    parameters,
    means,
    feeds: async ({ arrays }) => fed(arrays, forced.specs(forced.kinds[0])),
    examples: (batch) => batch.words,
    gradients: (inputs) => {
      // Beside the batch stand the optimiser's inputs, which have no rows to be cut.
      const batch = fed(inputs, forced.specs(forced.kinds[0]));
      if (forced.parts > 1) return accumulateGradients(means, batch, trainables, forced.parts, { recompute });
      const outputs = means(batch);
      return { outputs, gradients: grad(outputs.loss, trainables, { recompute }) };
    },
    compileMeasure: (kind, runtime) =>
      compile(
        (inputs: Readonly<Record<string, Tensor>>) => ({
          ...wordSums(logits(inputs, evaluation), inputs.labels!, ignored),
        }),
        forced.specs(kind),
        { runtime, variables: "live" },
      ),
  };
}

/** Those arrays, or tensors, that a model reads. */
function fed<T>(all: Readonly<Record<string, T>>, specs: Specs): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.keys(specs).map((name) => [name, all[name]!]));
}

/** Means over all words of some batches, of the model as it is now. */
export class Measure {
  readonly #lesson: WordLesson;
  readonly #runtime: Runtime;
  readonly #executables = new Map<string, Executable>();

  constructor(lesson: WordLesson, runtime: Runtime) {
    this.#lesson = lesson;
    this.#runtime = runtime;
  }

  async run(batches: Iterable<WordBatch>): Promise<Means> {
    let [loss, correct, count] = [0, 0, 0];
    for (const batch of batches) {
      const kind = this.#lesson.kindOf(batch);
      const executable = this.#executables.get(kind) ?? (await this.#lesson.compileMeasure(kind, this.#runtime));
      this.#executables.set(kind, executable);
      const result = await executable.run(await this.#lesson.feeds(batch));
      loss += Number(result.loss!.data[0]);
      correct += Number(result.right!.data[0]);
      count += Number(result.words!.data[0]);
    }
    return { loss: loss / count, accuracy: correct / count };
  }

  async dispose(): Promise<void> {
    for (const executable of this.#executables.values()) await executable.dispose();
  }
}
