import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { grad } from "../../../src/gradient/index.ts";
import { ndarray } from "../../../src/graph/dtype.ts";
import { stream } from "../../../src/graph/random.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { languageModelFor } from "../../../src/train/language/models.ts";
import { type NextWordModel, nextWordLesson } from "../../../src/train/language/word-lesson.ts";

const runtime = await nodeRuntime({ threads: 1 });

test("a large batch of windows is cut into parts, beside inputs that have no rows, and counts as a whole", async () => {
  const size = [32, 64] as const;
  const options = { width: 16, depth: 1, heads: 2, mlpWidth: 16, embedDropout: 0, dropout: 0 };
  const model = languageModelFor({ kind: "gpt2", translates: false, words: 11, longest: 64, options }) as NextWordModel;
  model.initialize(2);
  const lesson = nextWordLesson(model, 0, size);
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
    for (const [i, value] of parts!.entries()) expect(Math.abs(value - whole![i]!)).toBeLessThan(1e-5 * (most + 1e-3));
  }
});
