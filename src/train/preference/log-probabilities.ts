/** How probable answers are to a GPT, as it is at the time. */

import { compile } from "../../compile/index.ts";
import { wordLogProbabilities } from "../../losses/index.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type AnsweredText, textArrays, textSpecs } from "./texts.ts";

/** A GPT that is ready to be asked. */
export interface LogProbabilities extends AsyncDisposable {
  /** log p of each word of the answers, [texts · n] row by row; 0 elsewhere. At place t stands that of the word after it. */
  ofWords(texts: readonly AnsweredText[]): Promise<Float32Array>;
  /** log p of whole answers. */
  ofAnswers(texts: readonly AnsweredText[]): Promise<Float64Array>;
}

/** Compiles what reads the weights anew at each call. */
export async function openLogProbabilities(
  model: Gpt2,
  { runtime, length }: { readonly runtime: Runtime; readonly length: number },
): Promise<LogProbabilities> {
  const { ids, labels } = textSpecs("b", length);
  const executable = await compile(
    (inputs) => ({ logP: wordLogProbabilities(model.forward(inputs.ids), inputs.labels) }),
    { ids, labels },
    { runtime, variables: "live" },
  );
  const ofWords = async (texts: readonly AnsweredText[]): Promise<Float32Array> => {
    const { ids, labels } = textArrays(texts, length);
    const { logP } = await executable.run({ ids, labels });
    return logP!.data as Float32Array;
  };
  return {
    ofWords,
    async ofAnswers(texts) {
      const words = await ofWords(texts);
      return Float64Array.from(texts, (_, row) =>
        words.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0),
      );
    },
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}

/**
 * The mean over texts that `model` itself wrote of log π/π₀ of the answer: how far it has gone from the reference, in nats an answer.
 * An estimate of the Kullback–Leibler divergence; that of a few hundred texts may lie a little below 0.
 */
export async function divergenceFrom(
  reference: LogProbabilities,
  model: LogProbabilities,
  written: readonly AnsweredText[],
): Promise<number> {
  const [ours, theirs] = [await model.ofAnswers(written), await reference.ofAnswers(written)];
  return ours.reduce((total, logP, i) => total + logP - theirs[i]!, 0) / written.length;
}
