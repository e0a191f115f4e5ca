/** A GPT's step as other engines feed it, by the names that transformers.js and optimum look for. */

import { traceGraph } from "../../compile/index.ts";
import { addDims, symbol } from "../../graph/dim.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { concat, sizeScalar, sum, type Tensor, unsqueeze, withPath } from "../../tensor/index.ts";

/**
 * A GPT with its cache as a graph, for `saveOnnx`: the first call reads the prompts with an empty past, each further one a word, and what came
 * out as `present.…` goes in again as `past_key_values.…`.
 *
 * Inputs: `input_ids` int64 [b, n]; `attention_mask` int64 [b, c + n], 0 where a text's beginning is padding, else 1; of each layer
 * `past_key_values.I.key` and `past_key_values.I.value` [b, a, c, k], c from 0. Outputs: `logits` [b, 1, v] of the word after the last;
 * `present.I.key` and `present.I.value` [b, a, c + n, k]. b, n and c are free.
 */
export function gpt2OnnxGraph(model: Gpt2): Graph {
  // Naming is the root's affair; a part of it is traced here.
  model.variables();
  const { depth, heads, width } = model.config;
  const layers = Array.from({ length: depth }, (_, i) => i);
  const kept = ["b", heads, "c", width / heads] as const;
  const past = (i: number, part: string): string => `past_key_values.${i}.${part}`;
  const { graph } = traceGraph(
    (given: Readonly<Record<string, Tensor>>) =>
      withPath("", () => {
        const before = layers.map((i) => ({ keys: given[past(i, "key")]!, values: given[past(i, "value")]! }));
        const [used, mask] = [sizeScalar(symbol("c")), given.attention_mask!];
        const skip = sizeScalar(addDims(symbol("c"), symbol("n"))).sub(sum(mask, { axes: [1] })); // [b]
        const { logits, layers: now } = model.resume(given.input_ids!, { used, skip, layers: before });
        const present = now.flatMap(({ keys, values }, i) => [
          [`present.${i}.key`, concat([before[i]!.keys, keys], 2)],
          [`present.${i}.value`, concat([before[i]!.values, values], 2)],
        ]);
        return { logits: unsqueeze(logits, 1), ...Object.fromEntries(present) };
      }),
    {
      input_ids: { dtype: "int64", shape: ["b", "n"] },
      attention_mask: { dtype: "int64", shape: ["b", addDims(symbol("c"), symbol("n"))] },
      ...Object.fromEntries(
        layers.flatMap((i) => [[past(i, "key"), kept] as const, [past(i, "value"), kept] as const]),
      ),
    },
  );
  return graph;
}
