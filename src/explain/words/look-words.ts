/** What models of words do with a text: their forward traced once, with the taps that a method asks for. */

import { compile } from "../../compile/index.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import { topologicalOrder } from "../../graph/graph.ts";
import { type SinusoidLayout, sinusoids } from "../../nn/sinusoids.ts";
import type { Language } from "../../pretrained/language.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import {
  at,
  concat,
  expand,
  linear,
  sigmoid,
  slice,
  split,
  stack,
  Tensor,
  tanh,
  tensor,
  trace,
  withPath,
} from "../../tensor/index.ts";

type ModelOf<K extends Language["kind"]> = Extract<Language, { readonly kind: K }>["model"];

/** Attention weights of one sort: [1, heads, rows, columns] of each layer. */
export type LayerWeights = readonly NdArray[];

const ids = (words: readonly number[]): NdArray => ndarray("int64", [1, words.length], words);

/** Self-attention of a GPT. @param words its text, at least one id */
export async function gptAttention(
  model: ModelOf<"gpt2">,
  words: readonly number[],
  runtime: Runtime,
): Promise<LayerWeights> {
  const names = Array.from({ length: model.config.depth }, (_, i) => `h.${i}.attn.probs`);
  await using looker = await compile(
    ({ ids }) => tapped(() => model.forward(ids), names),
    { ids: { dtype: "int64", shape: [1, words.length] } },
    { runtime },
  );
  const found = await looker.run({ ids: ids(words) });
  return names.map((name) => found[name]!);
}

/** The three attentions of a Transformer while it writes a translation. */
export interface TranslationAttention {
  readonly encoder: LayerWeights;
  readonly decoder: LayerWeights;
  readonly cross: LayerWeights;
}

/**
 * Attention of a Transformer that reads a source and its translation, as in training.
 * @param target ids of the translation, with its end; row i looks while word i is written
 */
export async function translationAttention(
  model: ModelOf<"transformer">,
  source: readonly number[],
  target: readonly number[],
  runtime: Runtime,
): Promise<TranslationAttention> {
  const { encoder, decoder, begin } = model.config;
  const names = (stack: string, layers: number, part: string): readonly string[] =>
    Array.from({ length: layers }, (_, i) => `transformer.${stack}.layers.${i}.${part}.probs`);
  const parts = {
    encoder: names("encoder", encoder.layers, "self_attn"),
    decoder: names("decoder", decoder.layers, "self_attn"),
    cross: names("decoder", decoder.layers, "multihead_attn"),
  };
  await using looker = await compile(
    (given) => tapped(() => model.forward(given).logits, Object.values(parts).flat()),
    {
      source: { dtype: "int64", shape: [1, source.length] },
      target: { dtype: "int64", shape: [1, target.length] },
    },
    { runtime },
  );
  const found = await looker.run({ source: ids(source), target: ids([begin, ...target.slice(0, -1)]) });
  const of = (list: readonly string[]): LayerWeights => list.map((name) => found[name]!);
  return { encoder: of(parts.encoder), decoder: of(parts.decoder), cross: of(parts.cross) };
}

/** What a recurrent encoder–decoder did with a source and its translation. */
export interface RecurrentTranslation {
  /** [1, t, s] */
  readonly alignment: NdArray;
  /** [1, s, 2 h]: both directions of the encoder's last layer side by side. */
  readonly annotations: NdArray;
  /** [1, t, k]: the decoder's state after each word. */
  readonly states: NdArray;
  /** Cell states beside the two, of an LSTM only. */
  readonly cells?: Pick<RecurrentTranslation, "annotations" | "states"> | undefined;
}

/** @param target ids of the translation, with its end */
export async function recurrentTranslation(
  model: ModelOf<"seq2seq">,
  source: readonly number[],
  target: readonly number[],
  runtime: Runtime,
): Promise<RecurrentTranslation> {
  // Naming is the root's affair; a part of it is traced here.
  model.variables();
  await using looker = await compile(
    (given) => {
      const { result, taps } = trace(() =>
        withPath("", () => {
          const { memory, start } = model.encode(given.source, given.lengths);
          let before = start;
          return target.map((_, i) => {
            const step = model.step(at(given.target, 1, i), before, memory);
            before = step.next;
            return step;
          });
        }),
      );
      const over = (parts: readonly Tensor[]): Tensor => stack(parts, 1);
      const annotations = new Tensor(taps.get("annotations")!);
      const cells = result.flatMap(({ next }) => next.cell ?? []);
      return {
        alignment: over(result.map(({ weights }) => weights)),
        annotations,
        states: over(result.map(({ next }) => next.state)),
        ...(cells.length > 0 ? { readCells: cellsBehind(annotations), writtenCells: over(cells) } : {}),
      };
    },
    {
      source: { dtype: "int64", shape: [1, source.length] },
      lengths: { dtype: "int64", shape: [1] },
      target: { dtype: "int64", shape: [1, target.length] },
    },
    { runtime },
  );
  const { alignment, annotations, states, readCells, writtenCells } = await looker.run({
    source: ids(source),
    lengths: ndarray("int64", [1], [source.length]),
    target: ids([model.config.begin, ...target.slice(0, -1)]),
  });
  const cells = readCells && writtenCells ? { annotations: readCells, states: writtenCells } : undefined;
  return { alignment: alignment!, annotations: annotations!, states: states!, cells };
}

/**
 * Cell states of the last LSTM on the way to its states: [1, n, s · h] as they are. The engine's operator tells them at its end alone; but its input and its
 * states say all gates, and these all cells: c = f ∘ c before + i ∘ g.
 */
function cellsBehind(states: Tensor): Tensor {
  const { inputs, outputs } = topologicalOrder([states.value]).findLast(({ op }) => op === "LSTM")!;
  const [x, weight, recurrent, bias] = inputs.map((value) => value && new Tensor(value)); // x [n, 1, d]
  const hidden = new Tensor(outputs[0]!); //                                                 [n, s, 1, h]
  const [n, s] = hidden.shape as readonly [number, number];
  const directions = Array.from({ length: s }, (_, direction) => {
    const [input, again] = split(at(bias!, 0, direction), 2, 0) as [Tensor, Tensor];
    const own = at(hidden, 1, direction); //                                                 [n, 1, h]
    const none = at(own, 0, 0).mul(0).reshape([1, 1, -1]);
    const before =
      direction === 0 ? concat([none, slice(own, 0, 0, n - 1)], 0) : concat([slice(own, 0, 1, n), none], 0);
    const gates = linear(x!, at(weight!, 0, direction), input).add(linear(before, at(recurrent!, 0, direction), again));
    // ONNX's order: i, o, f, g.
    const [i, , f, g] = split(gates, 4, 2) as [Tensor, Tensor, Tensor, Tensor];
    const [gain, keep] = [sigmoid(i).mul(tanh(g)), sigmoid(f)];
    const cells: Tensor[] = [];
    for (let step = 0; step < n; step++) {
      const place = direction === 0 ? step : n - 1 - step;
      const last = cells.at(-1);
      cells.push(
        last
          ? at(keep, 0, place)
              .mul(last)
              .add(at(gain, 0, place))
          : at(gain, 0, place),
      ); // [1, h]
    }
    return stack(direction === 0 ? cells : cells.reverse(), 1); //                           [1, n, h]
  });
  return concat(directions, 2);
}

/**
 * States of a recurrent model of language after each word: [layers, n, h] each; a cell state of an LSTM only.
 *
 * The engine's operator tells the cell state at its end alone: so the text is read n times side by side, each time up to another word.
 */
export async function statesOverTime(
  model: ModelOf<"recurrent-language">,
  words: readonly number[],
  runtime: Runtime,
): Promise<{ readonly hidden: NdArray; readonly cell: NdArray | undefined }> {
  // Naming is the root's affair; a part of it is traced here.
  model.variables();
  const n = words.length;
  const counts = tensor(
    ndarray(
      "int64",
      [n],
      Array.from({ length: n }, (_, i) => i + 1),
    ),
  );
  await using looker = await compile(
    (given) =>
      withPath("", () => {
        const text = model.embedding.forward(given.ids); // [1, n, e]
        const { state, cell } = model.rnn.forward(expand(text, [n, n, model.config.embed]), { lengths: counts }) as {
          readonly state: Tensor;
          readonly cell?: Tensor;
        };
        return { hidden: state, ...(cell ? { cell } : {}) };
      }),
    { ids: { dtype: "int64", shape: [1, n] } },
    { runtime },
  );
  const { hidden, cell } = await looker.run({ ids: ids(words) });
  return { hidden: hidden!, cell };
}

/** Codes of positions: [positions, d], and where they come from. */
export function positionTables(language: Language): readonly { readonly title: string; readonly table: NdArray }[] {
  if (language.kind === "gpt2") return [{ title: "learned positions", table: language.model.wpe.weight.variable.data }];
  if (language.kind !== "transformer") return [];
  const { sourcePositions, targetPositions, config } = language.model;
  if (sourcePositions && targetPositions)
    return [
      { title: "learned positions of the source", table: sourcePositions.weight.variable.data },
      { title: "learned positions of the target", table: targetPositions.weight.variable.data },
    ];
  const layout = config.positions as SinusoidLayout;
  const order = layout === "interleaved" ? "sine and cosine by turns" : "all sines, then all cosines";
  return [{ title: `fixed waves, ${order}`, table: sinusoids(config.maxWords, config.width, layout) }];
}

function tapped(run: () => Tensor, names: readonly string[]): Readonly<Record<string, Tensor>> {
  const { taps } = trace(run);
  return named(taps, names);
}

function named(taps: ReturnType<typeof trace>["taps"], names: readonly string[]): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(names.map((name) => [name, new Tensor(taps.get(name)!)]));
}
