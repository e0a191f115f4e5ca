/**
 * Other publishers' names of GPT-2's weights as rules towards ours, which are those of the published files (`h.0.attn.c_attn.weight`, [in, out]).
 *
 * Reference code: transformers, models/gpt2/modeling_gpt2.py; openai/gpt-2, src/model.py; karpathy/minGPT, mingpt/model.py.
 */

import type { NameRule, Naming } from "./rules.ts";
import type { WeightSource } from "./source.ts";

/** Tables of the causal mask, which older files carry. */
const maskTables = (prefix: string): readonly NameRule[] =>
  ["attn.bias", "attn.masked_bias"].map((name) => ({ from: `${prefix}h.{i}.${name}`, to: [] }));

/** A head that is the words' matrix is written by some and not by others. */
const tiedHead = (tied: boolean): readonly NameRule[] => (tied ? [{ from: "lm_head.weight", to: [] }] : []);

/** transformers' names. @param tied the output's matrix is that of the words */
export const huggingFaceGpt2Rules = (tied = true): readonly NameRule[] => [
  ...maskTables("transformer."),
  ...maskTables(""),
  ...tiedHead(tied),
  // One rule for each part, not one for all: on the way back the head keeps its name.
  ...["wte", "wpe", "h", "ln_f"].map((part) => ({ from: `transformer.${part}.{rest}`, to: `${part}.{rest}` })),
];

const dense = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"] as const;

/** minGPT's and nanoGPT's: matrices [out, in]. @param tied as above */
export const minGptRules = (tied: boolean): readonly NameRule[] => [
  ...dense.map((name) => ({
    from: `transformer.h.{i}.${name}.weight`,
    to: `h.{i}.${name}.weight`,
    arrange: "o i -> i o",
  })),
  ...huggingFaceGpt2Rules(tied),
];

/** Those of the checkpoints that OpenAI published, `model/h0/attn/c_attn/w`. */
export const openAiGpt2Rules: readonly NameRule[] = [
  ...dense.flatMap((name): readonly NameRule[] => {
    const from = `model/h{i}/${name.replace(".", "/")}`;
    return [
      { from: `${from}/w`, to: `h.{i}.${name}.weight`, arrange: "1 i o -> i o" },
      { from: `${from}/b`, to: `h.{i}.${name}.bias` },
    ];
  }),
  ...["ln_1", "ln_2"].flatMap((norm): readonly NameRule[] => [
    { from: `model/h{i}/${norm}/g`, to: `h.{i}.${norm}.weight` },
    { from: `model/h{i}/${norm}/b`, to: `h.{i}.${norm}.bias` },
  ]),
  { from: "model/ln_f/g", to: "ln_f.weight" },
  { from: "model/ln_f/b", to: "ln_f.bias" },
  { from: "model/wte", to: "wte.weight" },
  { from: "model/wpe", to: "wpe.weight" },
];

/**
 * How a file names and stores a GPT-2. minGPT's names are transformers', so that the shape of a matrix tells them apart.
 * @param tied the output's matrix is that of the words
 */
export function gpt2Naming(source: WeightSource, tied: boolean): Naming {
  const named = (name: string, mark: string, rules: readonly NameRule[]): Naming => ({ name, marks: [mark], rules });
  if (source.has("model/wte")) return named("OpenAI GPT-2", "model/wte", openAiGpt2Rules);
  const mark = "transformer.h.0.attn.c_attn.weight";
  const [rows, columns] = source.has(mark) ? source.info(mark).shape : [];
  if (rows !== undefined && columns !== undefined && rows > columns) return named("minGPT", mark, minGptRules(tied));
  return named("transformers GPT-2", source.has(mark) ? mark : "wte.weight", huggingFaceGpt2Rules(tied));
}
