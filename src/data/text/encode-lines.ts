/** Many short texts to ids: words come up again and again. */

import { wordPattern } from "./gpt2-words.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * The ids of each text, as the tokenizer gives them one by one.
 * @param tokenizer of pairs of bytes in GPT-2's words (`trainBytePairs`), which never span two words; no text holds its special pieces
 */
export function encodeLines(tokenizer: Tokenizer, texts: readonly string[]): readonly (readonly number[])[] {
  const known = new Map<string, readonly number[]>();
  const idsOf = (word: string): readonly number[] => {
    const ids = known.get(word) ?? tokenizer.encode(word);
    known.set(word, ids);
    return ids;
  };
  return texts.map((text) => (text.match(wordPattern) ?? []).flatMap(idsOf));
}
