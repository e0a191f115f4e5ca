import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import { ndarray } from "../../../src/graph/dtype.ts";
import { keyOf, stream } from "../../../src/graph/random.ts";
import { sgd, weightDecayGroups } from "../../../src/optim/index.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { languageModelFor } from "../../../src/train/language/models.ts";
import { translationBatch } from "../../../src/train/language/word-batch.ts";
import {
  type NextWordModel,
  nextWordLesson,
  type TranslationModel,
  translationLesson,
} from "../../../src/train/language/word-lesson.ts";
import { compileLesson } from "../../../src/train/learner.ts";

const stack = { layers: 1, heads: 2, mlpWidth: 32 };
const runtime = await nodeRuntime({ threads: 1 });

test.each([false, true])(
  "a large batch of windows is cut into parts, beside inputs that have no rows, and counts as a whole (recompute: %s)",
  async (recompute) => {
    const size = [32, 64] as const;
    const options = { width: 16, depth: 1, heads: 2, mlpWidth: 16, embedDropout: 0, dropout: 0 };
    const model = languageModelFor({
      kind: "gpt2",
      translates: false,
      words: 11,
      longest: 64,
      options,
    }) as NextWordModel;
    model.initialize(2);
    const lesson = nextWordLesson(model, { recompute }, size);
    expect(lesson.parts).toBe(2);
    const random = stream(5);
    const drawn = () =>
      ndarray(
        "int64",
        size,
        Array.from({ length: 32 * 64 }, () => random.integer(11)),
      );
    const feeds = { ids: drawn(), labels: drawn() };
    const trainables = [...lesson.parameters.values()];
    await using executable = await compile(
      (inputs: Readonly<Record<string, Tensor>>) => {
        const parts = lesson.gradients(inputs);
        const { ids, labels } = inputs;
        const whole = lesson.means({ ids: ids!, labels: labels! });
        const names = [...lesson.parameters.keys()];
        const named = (kind: string, all: readonly Tensor[]) =>
          Object.fromEntries(all.map((one, i) => [`${kind} ${names[i]}`, one]));
        return {
          "parts loss": parts.outputs.loss,
          "whole loss": whole.loss,
          ...named("parts", parts.gradients),
          ...named("whole", grad(whole.loss, trainables)),
        };
      },
      { ...lesson.specs(lesson.kinds[0]), learningRate: [] },
      { runtime },
    );
    const found = await executable.run({ ...feeds, learningRate: ndarray("float32", [], [0.1]) });
    for (const name of ["loss", ...lesson.parameters.keys()]) {
      const [parts, whole] = ["parts", "whole"].map((kind) => found[`${kind} ${name}`]!.data as Float32Array);
      const most = Math.max(...whole!.map(Math.abs));
      for (const [i, value] of parts!.entries())
        expect(Math.abs(value - whole![i]!)).toBeLessThan(1e-5 * (most + 1e-3));
    }
  },
);

test.each([
  ["transformer", { width: 16, encoder: stack, decoder: stack, dropout: 0 }, 1],
  ["gru", { embed: 8, hidden: 8, dropout: 0 }, 4],
] as const)(
  "%s: unlike batches of one step count as the one that they make together",
  async (kind, options, multiple) => {
    const random = stream(3);
    const sentence = (least: number) => [
      ...Array.from({ length: least + random.integer(3) }, () => 3 + random.integer(8)),
      2,
    ];
    const side = () => [1, 1, 1, 5, 5, 5, 5].map((least) => sentence(least));
    const pairs = { source: side(), target: side() };
    const batch = (examples: readonly number[]) =>
      translationBatch(pairs, examples, { pad: 0, begin: 1, end: 2 }, multiple);
    const [parts, whole] = [[batch([0, 1, 2]), batch([3, 4, 5, 6])], batch([0, 1, 2, 3, 4, 5, 6])];
    expect(parts[0]!.words).toBeLessThan(parts[1]!.words / 2);
    const lengths = [4, 8];
    const learned = async (accumulate: number) => {
      const choice = { kind, translates: true, words: 11, longest: 20, options };
      const model = languageModelFor(choice).initialize(6) as TranslationModel;
      const lesson = translationLesson(model, { labelSmoothing: 0.1 }, lengths);
      const optimizer = sgd(weightDecayGroups(lesson.parameters, 0));
      const learner = await compileLesson(lesson, { runtime, optimizer, accumulate });
      const result = await learner.learn(accumulate === 1 ? [whole] : parts, {
        step: 0,
        learningRate: 1,
        key: keyOf(1),
      });
      await learner.sync();
      await learner.dispose();
      return {
        result,
        weights: new Map([...model.variables()].map(([name, { data }]) => [name, data.data as Float32Array])),
      };
    };
    const [together, apart] = [await learned(1), await learned(2)];
    for (const name of ["loss", "accuracy", "gradientNorm"] as const)
      expect(apart.result[name] / together.result[name], name).toBeCloseTo(1, 5);
    for (const [name, weights] of together.weights)
      for (const [i, weight] of weights.entries())
        expect(Math.abs(apart.weights.get(name)![i]! - weight), name).toBeLessThan(2e-6);
  },
);
