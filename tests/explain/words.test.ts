import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { characterVocabulary } from "../../src/data/text/characters.ts";
import { Tokenizer } from "../../src/data/text/tokenizer.ts";
import { openTokenizer } from "../../src/data/text/tokenizer-node.ts";
import { rasterize } from "../../src/explain/picture.ts";
import { textWidth } from "../../src/explain/text.ts";
import { drawWords } from "../../src/explain/words/draw-words.ts";
import { explainWords, type WordsRequest } from "../../src/explain/words/explain-words.ts";
import { renderWords } from "../../src/explain/words/render-words-node.ts";
import { visible, type WordsGroup, type WordsMethodName } from "../../src/explain/words/words-explanation.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { Gpt2 } from "../../src/models/gpt2/gpt2.ts";
import { RecurrentLanguage } from "../../src/models/recurrent-language.ts";
import { Seq2Seq } from "../../src/models/seq2seq.ts";
import { WordTransformer } from "../../src/models/transformer/word-transformer.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { slice } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });
const tokenizer = await openTokenizer(fileURLToPath(new URL("../data/text/golden", import.meta.url)));
const words = tokenizer.words;
const text = "the cat and the dog";
const ids = tokenizer.encode(text);
const shared = { tokenizer, targetTokenizer: tokenizer, config: {}, name: "tiny" };
const pair = { text, translation: "and the dog sat" };

const gpt = new Gpt2({ words, positions: 40, width: 8, depth: 2, heads: 2 }).initialize(1);
const stack = { layers: 2, heads: 2, mlpWidth: 16 };
const sides = { sourceWords: words, targetWords: words };
const transformer = new WordTransformer({
  ...sides,
  width: 8,
  encoder: stack,
  decoder: stack,
  maxWords: 60,
}).initialize(2);
const seq2seq = new Seq2Seq({
  ...sides,
  embed: 6,
  hidden: 6,
  layers: 1,
  cell: "gru",
  attention: "additive",
  dropout: 0,
  pad: 0,
  begin: 1,
  end: 2,
}).initialize(3);
const lstm = new RecurrentLanguage({
  words,
  embed: 6,
  hidden: 7,
  layers: 2,
  cell: "lstm",
  tied: false,
  dropout: 0,
}).initialize(4);
const languages = {
  gpt2: { ...shared, kind: "gpt2", model: gpt },
  transformer: { ...shared, kind: "transformer", model: transformer },
  seq2seq: { ...shared, kind: "seq2seq", model: seq2seq },
  lstm: { ...shared, kind: "recurrent-language", model: lstm },
} as const;
const explain = (kind: keyof typeof languages, how: Partial<WordsRequest> = {}) =>
  explainWords({
    language: languages[kind],
    runtime,
    ...(kind === "gpt2" || kind === "lstm" ? { text } : pair),
    ...how,
  });

/** Rows of a matrix of a group. */
function rowsOf({ columns, maps }: WordsGroup, map = 0): readonly (readonly number[])[] {
  const wide = typeof columns.labels === "number" ? columns.labels : columns.labels.length;
  const values = Array.from(maps[map]!.values);
  return Array.from({ length: values.length / wide }, (_, row) => values.slice(row * wide, (row + 1) * wide));
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, x] of found.entries()) expect(x).toBeCloseTo(expected[i]!, 5);
}

test("a GPT's tokens look at themselves and what is before them, each row adding up to 1", async () => {
  const { groups, method } = await explain("gpt2");
  expect(method).toBe("attention");
  expect(groups[0]!.rows.labels).toEqual(tokenizer.pieces(ids).map(visible));
  expect(groups[0]!.table).toEqual({ rowTitles: ["head 0", "head 1"], colTitles: ["layer 0", "layer 1"] });
  for (const map of [0, 1, 2, 3])
    for (const [i, row] of rowsOf(groups[0]!, map).entries()) {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      for (const weight of row.slice(i + 1)) expect(weight).toBe(0);
    }
  const one = await explain("gpt2", { block: 1, head: 0 });
  expect(one.groups[0]!.maps).toEqual([groups[0]!.maps[1]]);
});

test("a Transformer has three attentions, and its alignment is the mean over the heads of one layer", async () => {
  const { groups } = await explain("transformer");
  expect(groups.map(({ maps }) => maps.length)).toEqual([4, 4, 4]);
  expect(groups.map(({ causal }) => causal)).toEqual([false, true, false]);
  for (const group of groups) for (const row of rowsOf(group, 3)) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  // The mean over the heads of the last layer but one.
  const name = "transformer.decoder.layers.0.multihead_attn.probs";
  const target = [transformer.config.begin, ...tokenizer.encode(pair.translation)];
  await using forward = await compile(
    (given) => ({ logits: transformer.forward(given).logits }),
    {
      source: { dtype: "int64", shape: [1, ids.length] },
      target: { dtype: "int64", shape: [1, target.length] },
    },
    { runtime, taps: [name] },
  );
  const found = await forward.run({
    source: ndarray("int64", [1, ids.length], ids),
    target: ndarray("int64", [1, target.length], target),
  });
  const probs = found[name]!.data as Float32Array;
  const size = probs.length / 2;
  const mean = Array.from({ length: size }, (_, i) => (probs[i]! + probs[size + i]!) / 2);
  const { groups: alignment } = await explain("transformer", { method: "alignment" });
  expectClose(rowsOf(alignment[0]!).flat(), mean);
});

test("the alignment of a recurrent model has a row for each token and one for the end", async () => {
  const { groups, quantity } = await explain("seq2seq");
  expect(quantity).toBe("attention weight, additive similarity");
  expect(groups[0]!.rows.labels).toEqual([
    ...tokenizer.pieces(tokenizer.encode(pair.translation)).map(visible),
    "(end)",
  ]);
  for (const row of rowsOf(groups[0]!)) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  const states = await explain("seq2seq", { method: "states" });
  expect(states.groups.map(({ maps }) => maps.map(({ name }) => name))).toEqual([["forward", "backward"], [""]]);
});

test("hidden and cell states are those of reading word by word", async () => {
  const { groups } = await explain("lstm");
  expect(groups.map(({ title }) => title)).toEqual(["hidden state h", "cell state c"]);
  const steps = await compile(
    ({ ids: whole }) => {
      let before: ReturnType<typeof lstm.resume>["next"] | undefined;
      const results = ids.map((_, i) => {
        before = lstm.resume(slice(whole, 1, i, i + 1), before).next;
        return [
          [`h${i}`, before.state],
          [`c${i}`, before.cell!],
        ] as const;
      });
      return Object.fromEntries(results.flat());
    },
    { ids: { dtype: "int64", shape: [1, ids.length] } },
    { runtime },
  );
  const found = await steps.run({ ids: ndarray("int64", [1, ids.length], ids) });
  for (const [g, letter] of ["h", "c"].entries())
    for (const layer of [0, 1]) {
      const units = rowsOf(groups[g]!, layer);
      for (const [i] of ids.entries())
        expectClose(
          units.map((row) => row[i]!),
          Array.from(found[`${letter}${i}`]!.data as Float32Array).slice(layer * 7, (layer + 1) * 7),
        );
    }
});

test.each([1, 2])(
  "the cells of a translating LSTM of %i layers, both directions and the decoder's, are those of its equations",
  async (layers) => {
    const model = new Seq2Seq({ ...seq2seq.config, layers, cell: "lstm" }).initialize(5);
    const { groups, notes } = await explain("seq2seq", {
      language: { ...languages.seq2seq, model },
      method: "states",
    });
    expect(groups.map(({ title }) => title)).toEqual([
      "encoder: the state after each token",
      "encoder: the cell state after each token",
      "decoder: the state that writes each token",
      "decoder: the cell state that writes each token",
    ]);
    expect(notes.join(" ")).toContain("may grow beyond 1");
    const weights = new Map([...model.variables()].map(([name, { data }]) => [name, data] as const));
    const row = (name: string, i: number): readonly number[] => {
      const { data, shape } = weights.get(name)!;
      return Array.from((data as Float32Array).subarray(i * shape[1]!, (i + 1) * shape[1]!));
    };
    const number = (name: string, i: number): number => weights.get(name)!.data[i] as number;
    const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    /** One direction of a layer over vectors: states and cells. */
    const lstmOver = (read: readonly (readonly number[])[], end: string, size: number) => {
      let [h, c]: number[][] = [new Array<number>(size).fill(0), new Array<number>(size).fill(0)];
      return read.map((x) => {
        const gate = (i: number): number =>
          dot(row(`encoder.rnn.weight_ih_${end}`, i), x) +
          dot(row(`encoder.rnn.weight_hh_${end}`, i), h!) +
          number(`encoder.rnn.bias_ih_${end}`, i) +
          number(`encoder.rnn.bias_hh_${end}`, i);
        const gates = Array.from({ length: 4 * size }, (_, i) => gate(i));
        const next = c!.map(
          (before, k) => sigmoid(gates[size + k]!) * before + sigmoid(gates[k]!) * Math.tanh(gates[2 * size + k]!),
        );
        c = next;
        h = next.map((cell, k) => sigmoid(gates[3 * size + k]!) * Math.tanh(cell));
        return { h, c };
      });
    };
    let read: readonly (readonly number[])[] = ids.map((id) => row("encoder.embedding.weight", id));
    let cells: readonly (readonly (readonly number[])[])[] = [];
    for (let layer = 0; layer < layers; layer++) {
      const forward = lstmOver(read, `l${layer}`, 6);
      const backward = lstmOver([...read].reverse(), `l${layer}_reverse`, 6).reverse();
      read = forward.map(({ h }, i) => [...h, ...backward[i]!.h]);
      cells = [forward.map(({ c }) => c), backward.map(({ c }) => c)];
    }
    for (const [map, direction] of cells.entries()) {
      const units = rowsOf(groups[1]!, map);
      for (const [i, cell] of direction.entries())
        expectClose(
          units.map((unit) => unit[i]!),
          cell,
        );
    }
    // The decoder's: h = o ∘ tanh(c) lies within tanh(c), on its side of zero.
    const [states, own] = [rowsOf(groups[2]!), rowsOf(groups[3]!)];
    for (const [k, unit] of own.entries())
      for (const [i, cell] of unit.entries()) {
        const share = states[k]![i]! / Math.tanh(cell);
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThan(1);
      }
  },
);

test("fixed waves: equal distances have equal cosines; a learned table is drawn as it is", async () => {
  const { groups } = await explain("transformer", { method: "positions" });
  const cosines = rowsOf(groups[1]!);
  for (let i = 1; i < cosines.length; i++) expectClose(cosines[i]!.slice(1), cosines[i - 1]!.slice(0, -1));
  expect(rowsOf(groups[0]!)[0]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  const learned = await explain("gpt2", { method: "positions" });
  expect(Array.from(learned.groups[0]!.maps[0]!.values)).toEqual(
    Array.from(gpt.wpe.weight.variable.data.data as Float32Array),
  );
});

test.each([
  ["gpt2", "attention"],
  ["gpt2", "positions"],
  ["transformer", "attention"],
  ["transformer", "alignment"],
  ["seq2seq", "alignment"],
  ["seq2seq", "states"],
  ["lstm", "states"],
] as const satisfies readonly (readonly [keyof typeof languages, WordsMethodName])[])(
  "%s, %s: everything stands on the picture, tokens can be read, and nothing is said of causes",
  async (kind, method) => {
    const explanation = await explain(kind, { method });
    const picture = drawWords(explanation);
    for (const element of picture.elements) {
      expect(element.x).toBeGreaterThanOrEqual(0);
      expect(element.y).toBeGreaterThanOrEqual(0);
      if (element.kind !== "pixels") continue;
      expect(element.x + element.image.width).toBeLessThanOrEqual(picture.width);
      expect(element.y + element.image.height).toBeLessThanOrEqual(picture.height);
    }
    const said = picture.elements.flatMap((element) => (element.kind === "text" ? [element.text] : []));
    if (method !== "positions") expect(said).toContain("·cat");
    expect(said.join(" ")).not.toMatch(/because|why|reason/);
    const { width, data } = rasterize(picture);
    // Words that stand upright have ink above where they begin, in a strip as wide as a letter.
    const upright = picture.elements.find(
      (element) => element.kind === "text" && element.text === "·cat" && element.turned,
    );
    if (upright) {
      const ink = Array.from({ length: 20 }, (_, up) => data[3 * ((upright.y - up) * width + upright.x - 4)]!);
      expect(Math.min(...ink)).toBeLessThan(200);
    }
    const svg = new TextDecoder().decode(await renderWords(explanation, "svg"));
    if (upright) expect(svg).toMatch(/transform="rotate\(-90 [\d.]+ [\d.]+\)"[^>]*>·cat</);
    const html = new TextDecoder().decode(await renderWords(explanation, "html"));
    expect(html).toContain("<table>");
    const json = JSON.parse(new TextDecoder().decode(await renderWords(explanation, "json"))) as { method: string };
    expect(json.method).toBe(method);
  },
);

test("small cells have a numbered list of the tokens in place of labels", async () => {
  const wide = new Gpt2({ words, positions: 80, width: 24, depth: 6, heads: 12 }).initialize(1);
  const explanation = await explainWords({
    language: { ...languages.gpt2, model: wide },
    runtime,
    text: `${text} ${text} ${text} ${text}`,
  });
  const { elements, width } = drawWords(explanation);
  const said = elements.flatMap((element) => (element.kind === "text" ? [element.text] : []));
  for (const element of elements)
    if (element.kind === "text" && element.text.startsWith("tokens: "))
      expect(element.x + textWidth(element.text, "small")).toBeLessThanOrEqual(width);
  expect(said).not.toContain("·cat");
  expect(said.join(" ")).toMatch(/tokens: 0 t.* 2 /);
});

test("symbols that the vocabulary does not have are refused, or named where a translator leaves them out", async () => {
  const characters = Tokenizer.fromJson(characterVocabulary("ROMEO: thecat"));
  const few = { tokenizer: characters, targetTokenizer: characters };
  const model = new Gpt2({ words: characters.words, positions: 40, width: 8, depth: 1, heads: 2 });
  await expect(explain("gpt2", { text: "ROMEO: ü", language: { ...languages.gpt2, ...few, model } })).rejects.toThrow(
    `explain: a text's symbols must be in the model's vocabulary, it lacks "ü" at character 8 in the text`,
  );
  const sized = { sourceWords: characters.words, targetWords: characters.words };
  const translator = new WordTransformer({ ...transformer.config, ...sized }).initialize(1);
  const language = { ...languages.transformer, ...few, model: translator };
  const { notes, groups } = await explain("transformer", { language, text: "the cät", translation: "Räm" });
  expect(groups[0]!.rows.labels).toEqual([..."the·ct"]);
  expect(notes.join("\n")).toContain('Left out of the source, since the vocabulary lacks it: "ä" at character 6.');
  expect(notes.join("\n")).toContain(
    'Left out of the translation, since the vocabulary lacks it: "ä" at character 2, "m" at character 3.',
  );
});

test("a list of tokens beside another group stays on the picture", async () => {
  const model = new Seq2Seq({ ...seq2seq.config, cell: "lstm" }).initialize(5);
  const translation = "the cat and the dog ".repeat(14);
  const explanation = await explain("seq2seq", {
    language: { ...languages.seq2seq, model },
    method: "states",
    translation,
  });
  const { elements, width } = drawWords(explanation);
  const lists = elements.flatMap((element) =>
    element.kind === "text" && element.text.startsWith("token: ") ? [element] : [],
  );
  expect(lists).toHaveLength(2);
  for (const { x, text: words } of lists) expect(x + textWidth(words, "small")).toBeLessThanOrEqual(width);
});

test("what cannot be explained is refused with what can", async () => {
  await expect(explain("gpt2", { method: "states" })).rejects.toThrow("choose attention or positions");
  await expect(explain("gpt2", { text: "" })).rejects.toThrow("a text must not be empty");
  await expect(explain("gpt2", { text: "the cat ".repeat(30) })).rejects.toThrow(/at most 40 tokens, got \d+/);
  await expect(explain("gpt2", { block: 5 })).rejects.toThrow("a layer is a number from 0 to 1");
  await expect(explain("transformer", { translation: undefined })).rejects.toThrow("needs the translation");
  const blind = { ...languages.seq2seq, model: new Seq2Seq({ ...seq2seq.config, attention: "none" }) };
  await expect(explain("seq2seq", { language: blind })).rejects.toThrow("reads one code of the whole sentence");
});
