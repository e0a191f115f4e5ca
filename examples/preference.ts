/** Learning from comparisons: a tiny GPT imitates people who are mostly wrong, and then learns which of its own answers they prefer. */

import { nodeRuntime, stream } from "vitrine";
import {
  drawDemonstration,
  drawInstruction,
  drawPreference,
  endOfAnswer,
  instructionWords,
  succeeds,
} from "vitrine/data";
import { Gpt2 } from "vitrine/models";
import { Gpt2Writer } from "vitrine/tasks";
import { copyWeights, fineTune, optimizeDirectly } from "vitrine/train";

const runtime = await nodeRuntime({ threads: 1 });
const length = 16; // words of instruction and answer
const shape = { words: instructionWords.length, positions: length, width: 32, depth: 2, heads: 2 };
const size = { ...shape, embedDropout: 0, dropout: 0, attnDropout: 0 };
const training = { runtime, seed: 1, length, batchSize: 32 };

/** Instructions such as `rotate d b a c =`; only these here, so that a few seconds are enough. */
function instructions(name: string, count: number, heldBack = false): readonly (readonly number[])[] {
  return Array.from({ length: count }, (_, i) => {
    const [, ...letters] = drawInstruction(stream(1, name, i), heldBack);
    return [instructionWords.indexOf("rotate"), ...letters];
  });
}

/** What a model answers; a word is drawn by its probability. */
async function answersOf(model: Gpt2, prompts: readonly (readonly number[])[], seed: number) {
  await using writer = await Gpt2Writer.open(model, runtime);
  const texts = await writer.write(prompts, { end: [endOfAnswer], maxWords: 10, seed });
  return texts.map(({ words, ended }) => (ended ? [...words, endOfAnswer] : words));
}

async function tellSuccess(when: string, model: Gpt2): Promise<void> {
  const prompts = instructions("test", 200, true);
  const answers = await answersOf(model, prompts, 1);
  const right = prompts.filter((prompt, i) => succeeds(prompt, answers[i]!)).length;
  const first = [...prompts[0]!, ...answers[0]!].map((id) => instructionWords[id]).join(" ");
  console.log(`${when}: ${right} of 200 right, as in "${first}"`);
}

// Three quarters of what people show is wrong, mostly because they stop early.
const shown = instructions("shown", 4000).map((prompt, i) => ({
  prompt,
  answer: drawDemonstration(stream(1, "demonstration", i), prompt),
}));
const imitator = new Gpt2(size).initialize(1);
for await (const _ of fineTune(imitator, shown, { ...training, steps: 250, learningRate: 6e-3 }));
await tellSuccess("after imitation", imitator);

// People compare two answers to each of some new instructions.
const compared = instructions("compared", 800);
const [a, b] = [await answersOf(imitator, compared, 2), await answersOf(imitator, compared, 3)];
const comparisons = compared.flatMap((prompt, i) => {
  if (a[i]!.join() === b[i]!.join()) return [];
  const first = drawPreference(stream(1, "preference", i), prompt, a[i]!, b[i]!);
  return [{ prompt, chosen: first ? a[i]! : b[i]!, rejected: first ? b[i]! : a[i]! }];
});
const model = copyWeights(new Gpt2(size), imitator);
const preferences = { ...training, steps: 60, learningRate: 1e-3, beta: 0.2 };
for await (const _ of optimizeDirectly(model, comparisons, preferences));
await tellSuccess("after preferences", model);
