/** A GPT writes word by word. Keys and values of the words before stay as they are, so they are kept: each step reads one word. */

import { compile, ndarray, nodeRuntime } from "vitrine";
import { Gpt2 } from "vitrine/models";
import { Gpt2Writer } from "vitrine/tasks";

const model = new Gpt2({ words: 50, positions: 64, width: 32, depth: 2, heads: 4 }).initialize(3);
const runtime = await nodeRuntime({ threads: 1 });
const prompt = [7, 11, 23];

// Without a cache: the whole text again for every word.
const forward = await compile(
  ({ ids }) => ({ logits: model.forward(ids) }),
  { ids: { dtype: "int64", shape: [1, "n"] } },
  { runtime },
);
const text = [...prompt];
let read = 0;
for (let step = 0; step < 20; step++) {
  const { logits } = await forward.run({ ids: ndarray("int64", [1, text.length], text) });
  const last = logits!.data.slice(-50) as Float32Array;
  read += text.length;
  text.push(last.indexOf(Math.max(...last)));
}
console.log("read again each time:", read, "words");

// With a cache: the prompt once, then one word a step. Temperature 0 takes the likeliest word, as above.
const writer = await Gpt2Writer.open(model, runtime);
const kept: number[] = [];
for await (const { word } of writer.stream([prompt], { maxWords: 20, temperature: 0 })) kept.push(word);
console.log("read with a cache:", prompt.length + kept.length - 1, "words");
console.log("the same text:", kept.join() === text.slice(prompt.length).join());

// Drawn words depend on seed, text and step alone; several texts are written side by side.
const how = { maxWords: 6, temperature: 0.8, topK: 10, seed: 1 };
const [one, two] = await writer.write([prompt, [5]], how);
const [again] = await writer.write([prompt], how);
console.log("drawn:", one!.words.join(" "), "and", two!.words.join(" "));
console.log("alone as in company:", again!.words.join() === one!.words.join());
await writer.dispose();
await forward.dispose();
