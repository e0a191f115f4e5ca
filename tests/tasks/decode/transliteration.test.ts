/** Sentences of a trained model with published results: CTranslate2's Arabic-to-Latin letters, an encoder–decoder Transformer. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { type NdArray, ndarray } from "../../../src/graph/dtype.ts";
import {
  causalMask,
  Embedding,
  LayerNorm,
  Linear,
  type Mask,
  Module,
  MultiheadAttention,
} from "../../../src/nn/index.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { beamSearch, type SentenceRow, type WordModel } from "../../../src/tasks/decode/beam-search.ts";
import { logSoftmax, relu, slice, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { readSafetensors } from "../../../src/weights/safetensors.ts";
import { expectClose } from "../../golden.ts";
import { hasShared, sharedPath } from "../../shared.ts";

const [width, heads, depth] = [32, 8, 6];

class Layer extends Module {
  readonly norms = [0, 1, 2].map(() => new LayerNorm(width, { eps: 1e-5 }));
  readonly self = new MultiheadAttention(width, heads);
  readonly cross = new MultiheadAttention(width, heads);
  readonly wide = new Linear(width, 128);
  readonly narrow = new Linear(128, width);

  /** [b, n, 32], each part with its norm before it and its input added after it. */
  forward(x: Tensor, mask: Mask | undefined, memory: Tensor | undefined): Tensor {
    let y = x.add(this.self.forward(this.norms[0]!.forward(x), { mask }).output);
    if (memory) y = y.add(this.cross.forward(this.norms[1]!.forward(y), { key: memory }).output);
    return y.add(this.narrow.forward(relu(this.wide.forward(this.norms[2]!.forward(y)))));
  }
}

class Stack extends Module {
  readonly embedding: Embedding;
  readonly layers = Array.from({ length: depth }, () => new Layer());
  readonly norm = new LayerNorm(width, { eps: 1e-5 });

  constructor(words: number) {
    super();
    this.embedding = new Embedding(words, width);
  }

  forward(ids: Tensor, mask?: Mask, memory?: Tensor): Tensor {
    const places = slice(tensor(positions), 0, 0, ids.shape[1]!);
    const x = this.embedding.forward(ids).mul(Math.sqrt(width)).add(places);
    return this.norm.forward(this.layers.reduce((y, layer) => layer.forward(y, mask, memory), x));
  }
}

class Letters extends Module {
  readonly encoder = new Stack(51);
  readonly decoder = new Stack(43);
  readonly projection = new Linear(width, 43);

  forward(source: Tensor, target: Tensor): { readonly memory: Tensor; readonly logits: Tensor } {
    const memory = this.encoder.forward(source);
    const y = this.decoder.forward(target, causalMask(target.shape[1]!), memory);
    return { memory, logits: this.projection.forward(y) };
  }
}

/** Sines, then cosines, of the places from 1 on. */
const positions = ndarray(
  "float32",
  [40, width],
  Array.from({ length: 40 * width }, (_, i) => {
    const [place, column] = [Math.floor(i / width) + 1, i % width];
    const angle = place * 10000 ** (-(column % 16) / 15);
    return column < 16 ? Math.sin(angle) : Math.cos(angle);
  }),
);

const file = (name: string): string => sharedPath("data", "seq2seq-transliteration", name);
const tensorsOf = (name: string) => readSafetensors(readFileSync(file(name)), name).tensors;

function letters(): Letters {
  const given = tensorsOf("model.safetensors");
  const model = new Letters();
  const variables = model.variables();
  const rows = (...names: readonly string[]): NdArray => {
    const arrays = names.map((name) => given.get(name)!);
    const data = Float32Array.from(arrays.flatMap((array) => Array.from(array.data, Number)));
    return {
      dtype: "float32",
      data,
      shape: [arrays.reduce((n, { shape }) => n + shape[0]!, 0), ...arrays[0]!.shape.slice(1)],
    };
  };
  const put = (name: string, ...from: readonly string[]): void => {
    variables.get(name)!.data = rows(...from);
  };
  const both = (to: string, ...from: readonly string[]): void => {
    for (const kind of ["weight", "bias"]) put(`${to}${kind}`, ...from.map((name) => `${name}/${kind}`));
  };
  const norm = (to: string, from: string): void => {
    put(`${to}.weight`, `${from}/gamma`);
    put(`${to}.bias`, `${from}/beta`);
  };
  for (const side of ["encoder", "decoder"]) {
    put(`${side}.embedding.weight`, `${side}/embeddings/weight`);
    norm(`${side}.norm`, `${side}/layer_norm`);
    for (let i = 0; i < depth; i++) {
      const [to, from] = [`${side}.layers.${i}`, `${side}/layer_${i}`];
      norm(`${to}.norms.0`, `${from}/self_attention/layer_norm`);
      norm(`${to}.norms.2`, `${from}/ffn/layer_norm`);
      both(`${to}.self.in_proj_`, `${from}/self_attention/linear_0`);
      both(`${to}.self.out_proj.`, `${from}/self_attention/linear_1`);
      both(`${to}.wide.`, `${from}/ffn/linear_0`);
      both(`${to}.narrow.`, `${from}/ffn/linear_1`);
      if (side === "encoder") continue;
      norm(`${to}.norms.1`, `${from}/attention/layer_norm`);
      both(`${to}.cross.in_proj_`, `${from}/attention/linear_0`, `${from}/attention/linear_1`);
      both(`${to}.cross.out_proj.`, `${from}/attention/linear_2`);
    }
  }
  both("projection.", "decoder/projection");
  return model;
}

const ids = (rows: readonly (readonly number[])[]): NdArray =>
  ndarray("int64", [rows.length, rows[0]!.length], rows.flat());

test.skipIf(!hasShared)(
  "the trained letters equal their reference, and are written as published, greedily and with beams",
  async () => {
    const runtime = await nodeRuntime({ threads: 1 });
    const model = letters();
    await using run = await compile(
      ({ source, target }) => {
        const { memory, logits } = model.forward(source, target);
        return { memory, logits, logs: logSoftmax(logits) };
      },
      { source: { dtype: "int64", shape: ["b", "s"] }, target: { dtype: "int64", shape: ["b", "t"] } },
      { runtime },
    );

    const reference = tensorsOf("reference.safetensors");
    const as2d = (name: string): NdArray => {
      const array = reference.get(name)!;
      return { ...array, shape: [1, array.data.length] };
    };
    const forced = await run.run({ source: as2d("source_ids"), target: as2d("target_in_ids") });
    const flat = ({ data, dtype, shape }: NdArray): NdArray => ({ data, dtype, shape: shape.slice(1) });
    const tolerance = { rtol: 1e-4, atol: 1e-4 };
    expectClose(flat(forced.memory!), reference.get("encoder_out")!, tolerance, "encoder");
    expectClose(flat(forced.logits!), reference.get("teacher_forced_logits")!, tolerance, "logits");

    const vocabulary = (name: string): readonly string[] => readFileSync(file(name), "utf8").split("\n");
    const [from, to] = [vocabulary("source_vocabulary.txt"), vocabulary("target_vocabulary.txt")];
    const { published_expectations: cases } = JSON.parse(readFileSync(file("expected.json"), "utf8")) as {
      readonly published_expectations: readonly {
        readonly source: readonly string[];
        readonly target_prefix?: string;
        readonly target: string;
      }[];
    };
    expect(cases).toHaveLength(4);
    for (const { source, target_prefix: prefix = "", target } of cases)
      for (const beams of [1, 2, 4]) {
        const read = source.map((letter) => from.indexOf(letter));
        let sentences: readonly (readonly number[])[] = [[]];
        const wordModel: WordModel = {
          words: 43,
          async step(rows: readonly SentenceRow[]) {
            sentences = rows.map(({ word, parent }) => [...sentences[parent]!, word]);
            const { logs } = await run.run({ source: ids(rows.map(() => read)), target: ids(sentences) });
            const size = sentences[0]!.length * 43;
            const last = rows.map((_, i) => logs!.data.slice((i + 1) * size - 43, (i + 1) * size) as Float32Array);
            return Float32Array.from(last.flatMap((row) => Array.from(row)));
          },
        };
        const prefixes = [[...prefix].map((letter) => to.indexOf(letter))];
        const found = await beamSearch(wordModel, 1, { beams, begin: 1, end: 2, maxWords: 20, prefixes });
        expect(found[0]![0]!.words.map((word) => to[word]).join(""), `${beams} beams`).toBe(target);
      }
  },
);
