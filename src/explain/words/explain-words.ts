/** A model of words and a text → what the model did with it: one door to all methods. */

import type { Tokenizer } from "../../data/text/tokenizer.ts";
import { VitrineError } from "../../errors.ts";
import type { NdArray } from "../../graph/dtype.ts";
import type { Language } from "../../pretrained/language.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { chosen } from "../attention.ts";
import type { MapTable } from "../explanation.ts";
import {
  gptAttention,
  type LayerWeights,
  positionTables,
  recurrentTranslation,
  statesOverTime,
  translationAttention,
} from "./look-words.ts";
import {
  visible,
  type WordsExplanation,
  type WordsGroup,
  type WordsMap,
  type WordsMethodName,
} from "./words-explanation.ts";

/** What is to be explained, and how. */
export interface WordsRequest {
  readonly language: Language & { readonly name: string };
  readonly runtime: Runtime;
  readonly text: string;
  /** Of a model that translates: the translation whose making is shown. */
  readonly translation?: string | undefined;
  /** Without it the first that fits the model. */
  readonly method?: WordsMethodName | undefined;
  /** One layer, one head, from 0; all without it. */
  readonly block?: number | undefined;
  readonly head?: number | undefined;
}

/** Methods that fit each kind of model, the default first. */
export const methodsOfKind: Readonly<Record<Language["kind"], readonly WordsMethodName[]>> = {
  gpt2: ["attention", "positions"],
  transformer: ["attention", "alignment", "positions"],
  seq2seq: ["alignment", "states"],
  "recurrent-language": ["states"],
};

/** More tokens than this are too small to be seen. */
const mostTokens = 256;

/** Positions that are drawn. */
const drawnPositions = 64;

/**
 * Explains what a model makes of a text.
 * @throws {VitrineError} INVALID_ARGUMENT for a method that does not fit the model, an empty or over-long text, a missing translation, or a layer or head out of range.
 */
export async function explainWords(request: WordsRequest): Promise<WordsExplanation> {
  const { language } = request;
  const fitting = methodsOfKind[language.kind];
  const method = request.method ?? fitting[0]!;
  if (!fitting.includes(method))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `explain: ${method} does not fit a model of the kind ${language.kind}`,
      evidence: `got ${language.name}`,
      next: `choose ${fitting.join(" or ")}`,
    });
  if (method === "positions") return explainPositionCodes(language);
  if (language.kind === "gpt2") return explainGpt(request, language.model);
  if (language.kind === "transformer") return explainTransformer(request, language.model, method);
  if (language.kind === "seq2seq") return explainSeq2Seq(request, language.model, method);
  return explainStates(request, language.model);
}

const whatWeightsSay =
  "A weight says how much of a token's value is mixed in at that place; it does not say what caused an answer.";

const noMeaning = "A unit has no meaning of its own that the picture could tell.";

const whatCellsSay = "A cell's state may grow beyond 1: the hidden state is its tanh, times the output gate.";

async function explainGpt(
  request: WordsRequest,
  model: Extract<Language, { kind: "gpt2" }>["model"],
): Promise<WordsExplanation> {
  const words = idsOf(request, request.text, "the text", model.config.positions);
  const weights = await gptAttention(model, words, request.runtime);
  const labels = labelsOf(request.language.tokenizer, words);
  return {
    ...common(request, "attention", "attention weight"),
    notes: [
      "Row: the token that looks; column: what it looks at. Each row adds up to 1; later tokens are out of sight.",
      whatWeightsSay,
    ],
    groups: [
      attentionGroup(request, weights, { title: "self-attention", rows: labels, columns: labels, causal: true }),
    ],
  };
}

async function explainTransformer(
  request: WordsRequest,
  model: Extract<Language, { kind: "transformer" }>["model"],
  method: WordsMethodName,
): Promise<WordsExplanation> {
  const { source, target } = bothSides(request, model.config.end, model.config.maxWords);
  const { encoder, decoder, cross } = await translationAttention(model, source, target, request.runtime);
  const read = labelsOf(request.language.tokenizer, source);
  const written = withEnd(labelsOf(request.language.targetTokenizer, target));
  // What a decoder looks at are the words before: its own rows begin with the sentence's begin.
  const before = ["(begin)", ...written.slice(0, -1)];
  if (method === "alignment") {
    const layer = request.block ?? Math.max(0, cross.length - 2);
    const one = chosen("layer", layer, cross.length).map((i) => cross[i]!);
    return {
      ...common(request, "alignment", `cross-attention of decoder layer ${layer}, mean over its heads`),
      notes: [
        "Row: a token of the translation while it is written; column: a token of its source. Each row adds up to 1.",
        whatWeightsSay,
        ...leftOut(request),
      ],
      groups: [alignmentGroup("where each token of the translation looks", read, written, meanOverHeads(one[0]!))],
    };
  }
  return {
    ...common(request, "attention", "attention weight"),
    notes: [
      "Row: the token that looks; column: what it looks at. Each row adds up to 1. The decoder's rows are named by the token that they write.",
      whatWeightsSay,
      ...leftOut(request),
    ],
    groups: [
      attentionGroup(request, encoder, { title: "encoder: the source looks at itself", rows: read, columns: read }),
      attentionGroup(request, decoder, {
        title: "decoder: the translation looks at what is written",
        rows: written,
        columns: before,
        causal: true,
      }),
      attentionGroup(request, cross, {
        title: "decoder: the translation looks at the source",
        rows: written,
        columns: read,
      }),
    ],
  };
}

async function explainSeq2Seq(
  request: WordsRequest,
  model: Extract<Language, { kind: "seq2seq" }>["model"],
  method: WordsMethodName,
): Promise<WordsExplanation> {
  const { source, target } = bothSides(request, model.config.end, mostTokens);
  const { alignment, annotations, states, cells } = await recurrentTranslation(model, source, target, request.runtime);
  const read = labelsOf(request.language.tokenizer, source);
  const written = withEnd(labelsOf(request.language.targetTokenizer, target));
  if (method === "states")
    return {
      ...common(request, "states", "state"),
      notes: [
        "Row: a unit, in the order of the weights; column: of the encoder the token that was read last, of the decoder the token that the state writes.",
        noMeaning,
        ...(cells ? [whatCellsSay] : []),
        ...leftOut(request),
      ],
      groups: [
        statesGroup("encoder: the state after each token", read, bothDirections(annotations)),
        ...(cells
          ? [statesGroup("encoder: the cell state after each token", read, bothDirections(cells.annotations))]
          : []),
        statesGroup("decoder: the state that writes each token", written, [{ name: "", values: turned(states) }]),
        ...(cells
          ? [
              statesGroup("decoder: the cell state that writes each token", written, [
                { name: "", values: turned(cells.states) },
              ]),
            ]
          : []),
      ],
    };
  if (model.config.attention === "none")
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "explain: an alignment needs attention",
      evidence: `${request.language.name} reads one code of the whole sentence`,
      next: "choose states",
    });
  return {
    ...common(request, "alignment", `attention weight, ${model.config.attention} similarity`),
    notes: [
      "Row: a token of the translation while it is written; column: a token of its source. Each row adds up to 1.",
      whatWeightsSay,
      ...leftOut(request),
    ],
    groups: [
      alignmentGroup("where each token of the translation looks", read, written, alignment.data as Float32Array),
    ],
  };
}

async function explainStates(
  request: WordsRequest,
  model: Extract<Language, { kind: "recurrent-language" }>["model"],
): Promise<WordsExplanation> {
  const words = idsOf(request, request.text, "the text", mostTokens);
  const { hidden, cell } = await statesOverTime(model, words, request.runtime);
  const labels = labelsOf(request.language.tokenizer, words);
  const layers = chosen("layer", request.block, model.config.layers);
  const maps = (all: NdArray): readonly WordsMap[] => layers.map((layer) => layerStates(all, layer));
  return {
    ...common(request, "states", "state"),
    notes: [
      "Row: a unit, in the order of the weights; column: the token that was read last.",
      noMeaning,
      ...(cell ? [whatCellsSay] : []),
    ],
    groups: [
      statesGroup("hidden state h", labels, maps(hidden)),
      ...(cell ? [statesGroup("cell state c", labels, maps(cell))] : []),
    ],
  };
}

function explainPositionCodes(language: WordsRequest["language"]): WordsExplanation {
  const tables = positionTables(language);
  return {
    kind: "words",
    method: "positions",
    model: language.name,
    quantity: "position code",
    notes: [
      "Row: a position, from 0; column: a dimension, from 0. The same code is added to whatever word stands there.",
      "Right: the cosine of the angle between the codes of two positions.",
    ],
    groups: tables.flatMap(({ title, table }): WordsGroup[] => {
      const [all, width] = table.shape as [number, number];
      const count = Math.min(all, drawnPositions);
      const part = (table.data as Float32Array).slice(0, count * width);
      const plain: MapTable = { rowTitles: [""], colTitles: [""] };
      const places = { name: "position", labels: count };
      const shared = { causal: false, signed: true, table: plain };
      return [
        {
          ...shared,
          title: `${title}${count < all ? `: the first ${count} of ${all}` : ""}`,
          rows: places,
          columns: { name: "dimension", labels: width },
          maps: [{ name: title, values: part }],
        },
        {
          ...shared,
          title: "cosine of two positions' codes",
          rows: places,
          columns: places,
          maps: [{ name: "cosine similarity", values: cosines(part, count, width) }],
        },
      ];
    }),
  };
}

function common(
  { language }: WordsRequest,
  method: WordsMethodName,
  quantity: string,
): Pick<WordsExplanation, "kind" | "method" | "model" | "quantity"> {
  return { kind: "words", method, model: language.name, quantity };
}

/** Checked ids of a text. @param most ids that the model holds */
function idsOf(
  { language: { tokenizer, kind } }: WordsRequest,
  text: string,
  place: string,
  most: number,
): readonly number[] {
  const refuse = (rule: string, evidence?: string): VitrineError =>
    new VitrineError("INVALID_ARGUMENT", { rule: `explain: ${rule}`, evidence, place });
  if (text === "") throw refuse("a text must not be empty");
  const translates = kind === "transformer" || kind === "seq2seq";
  const lacking = translates ? "" : tokenizer.unknownPlaces(text);
  if (lacking !== "") throw refuse("a text's symbols must be in the model's vocabulary", `it lacks ${lacking}`);
  const words = tokenizer.encode(text, { special: translates, leaveOut: translates });
  if (words.length === 0)
    throw refuse("a text must have a symbol of the vocabulary", `it lacks ${tokenizer.unknownPlaces(text)}`);
  const limit = Math.min(most, mostTokens);
  if (words.length > limit) throw refuse(`a text has at most ${limit} tokens`, `got ${words.length}`);
  return words;
}

/** Ids of source and translation, the translation with its end. */
function bothSides(
  request: WordsRequest,
  end: number,
  most: number,
): { readonly source: readonly number[]; readonly target: readonly number[] } {
  if (request.translation === undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "explain: a model that translates needs the translation whose making is shown",
      next: "let it translate first",
    });
  const target = [...request.language.targetTokenizer.encode(request.translation.trim(), { leaveOut: true }), end];
  const limit = Math.min(most, mostTokens);
  if (target.length > limit)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `explain: a text has at most ${limit} tokens`,
      evidence: `got ${target.length} with the end`,
      place: "the translation",
    });
  return { source: idsOf(request, request.text.trim(), "the source", most), target };
}

/** What a translator does not see of either side, a line each. */
function leftOut({ language, text, translation = "" }: WordsRequest): readonly string[] {
  const sides = [
    ["source", language.tokenizer, text.trim()],
    ["translation", language.targetTokenizer, translation.trim()],
  ] as const;
  return sides.flatMap(([side, tokenizer, words]) => {
    const lacking = tokenizer.unknownPlaces(words);
    const fate = tokenizer.unknown === undefined ? "Left out of" : "One unknown token in";
    return lacking === "" ? [] : [`${fate} the ${side}, since the vocabulary lacks it: ${lacking}.`];
  });
}

function labelsOf(tokenizer: Tokenizer, words: readonly number[]): readonly string[] {
  return tokenizer.pieces(words).map(visible);
}

function withEnd(labels: readonly string[]): readonly string[] {
  return [...labels.slice(0, -1), "(end)"];
}

/** Heads down, layers across. */
function attentionGroup(
  { block, head }: Pick<WordsRequest, "block" | "head">,
  weights: LayerWeights,
  how: {
    readonly title: string;
    readonly rows: readonly string[];
    readonly columns: readonly string[];
    readonly causal?: boolean;
  },
): WordsGroup {
  const layers = chosen("layer", block, weights.length);
  const heads = chosen("head", head, weights[0]!.shape[1]!);
  const size = how.rows.length * how.columns.length;
  return {
    title: how.title,
    rows: { name: "looks", labels: how.rows },
    columns: { name: "is looked at", labels: how.columns },
    causal: how.causal ?? false,
    signed: false,
    table: { rowTitles: heads.map((h) => `head ${h}`), colTitles: layers.map((i) => `layer ${i}`) },
    maps: heads.flatMap((h) =>
      layers.map((layer) => ({
        name: `layer ${layer}, head ${h}`,
        values: (weights[layer]!.data as Float32Array).slice(h * size, (h + 1) * size),
      })),
    ),
  };
}

function alignmentGroup(
  title: string,
  source: readonly string[],
  target: readonly string[],
  values: Float32Array,
): WordsGroup {
  return {
    title,
    rows: { name: "translation", labels: target },
    columns: { name: "source", labels: source },
    causal: false,
    signed: false,
    table: { rowTitles: [""], colTitles: [""] },
    maps: [{ name: title, values }],
  };
}

function statesGroup(title: string, tokens: readonly string[], maps: readonly WordsMap[]): WordsGroup {
  return {
    title,
    rows: { name: "unit", labels: maps[0]!.values.length / tokens.length },
    columns: { name: "token", labels: tokens },
    causal: false,
    signed: true,
    table: { rowTitles: maps.map(({ name }) => name), colTitles: [""] },
    maps,
  };
}

/** [1, n, h] → units down, tokens across. */
function turned({ data, shape }: NdArray): Float32Array {
  return turn(data as Float32Array, shape[1]!, shape[2]!);
}

/** [1, n, 2 h]: what was read from the left above what was read from the right. */
function bothDirections(annotations: NdArray): readonly WordsMap[] {
  const values = turned(annotations);
  return [
    { name: "forward", values: values.slice(0, values.length / 2) },
    { name: "backward", values: values.slice(values.length / 2) },
  ];
}

/** One layer of [layers, n, h], units down, tokens across. */
function layerStates({ data, shape }: NdArray, layer: number): WordsMap {
  const [, n, h] = shape as [number, number, number];
  const own = (data as Float32Array).subarray(layer * n * h, (layer + 1) * n * h);
  return { name: `layer ${layer}`, values: turn(own, n, h) };
}

function turn(values: Float32Array, rows: number, cols: number): Float32Array {
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % rows) * cols + Math.floor(i / rows)]!);
}

function meanOverHeads({ data, shape }: NdArray): Float32Array {
  const [, heads, rows, cols] = shape as [number, number, number, number];
  const all = data as Float32Array;
  return Float32Array.from({ length: rows * cols }, (_, i) => {
    let sum = 0;
    for (let head = 0; head < heads; head++) sum += all[head * rows * cols + i]!;
    return sum / heads;
  });
}

function cosines(table: Float32Array, count: number, width: number): Float32Array {
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += table[a * width + k]! * table[b * width + k]!;
    return sum;
  };
  const lengths = Array.from({ length: count }, (_, i) => Math.sqrt(dot(i, i)) || 1);
  return Float32Array.from({ length: count * count }, (_, i) => {
    const [a, b] = [Math.floor(i / count), i % count];
    return dot(a, b) / (lengths[a]! * lengths[b]!);
  });
}
