/** What an explanation of a text is: matrices over its tokens, before anybody draws them. */

import type { MapTable } from "../explanation.ts";

/** The name of a method. */
export type WordsMethodName = "attention" | "alignment" | "positions" | "states";

/** What a method shows, and of which models. */
export const wordsMethods: Readonly<Record<WordsMethodName, string>> = {
  attention:
    "what each token looks at, in each layer and head: of a GPT, or of both sides of a Transformer that translates",
  alignment: "where each token of a translation looked in its source",
  positions: "the codes of positions, fixed or learned, and how alike they are",
  states: "hidden and cell state of a recurrent model after each token",
};

/** Names of all methods. */
export const wordsMethodNames: readonly WordsMethodName[] = Object.keys(wordsMethods) as WordsMethodName[];

/** What stands at an edge of a matrix. */
export interface WordsAxis {
  /** What runs along it: `looks`, `is looked at`, `dimension`. */
  readonly name: string;
  /** A token for each row or column; a number of them where they have no names but their place, from 0. */
  readonly labels: readonly string[] | number;
}

/** One matrix. */
export interface WordsMap {
  readonly name: string;
  /** [rows, columns] in C order. */
  readonly values: Float32Array;
}

/** Matrices that share their axes and their colours. */
export interface WordsGroup {
  readonly title: string;
  readonly rows: WordsAxis;
  readonly columns: WordsAxis;
  /** Whether a column after the row's own place is out of its sight. */
  readonly causal: boolean;
  /** Whether the numbers lie on both sides of zero. */
  readonly signed: boolean;
  /** Where each matrix stands: the maps run through each row of this table in turn. */
  readonly table: MapTable;
  readonly maps: readonly WordsMap[];
}

/** What a model of words did with a text, or holds. */
export interface WordsExplanation {
  readonly kind: "words";
  readonly method: WordsMethodName;
  readonly model: string;
  /** What the numbers are, in words. */
  readonly quantity: string;
  /** What is drawn and what it does not say, a line each. */
  readonly notes: readonly string[];
  readonly groups: readonly WordsGroup[];
}

/** How many rows or columns an axis has. */
export function lengthOf({ labels }: WordsAxis): number {
  return typeof labels === "number" ? labels : labels.length;
}

/** The explanation as one JSON document. */
export function wordsExplanationJson(explanation: WordsExplanation): string {
  return JSON.stringify(explanation, (_, value: unknown) =>
    value instanceof Float32Array ? Array.from(value, (x) => Number(x.toPrecision(7))) : value,
  );
}

/** A token as it can be seen: a space is `·`, an end of line `\n`. */
export function visible(piece: string): string {
  if (piece === "") return "□";
  return piece.replaceAll(" ", "·").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
