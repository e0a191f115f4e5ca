/** Texts to learn from. */

/** Sentences and their translations, the same number of both. */
export interface ParallelCorpus {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/** A long text in two parts: its last share of characters is kept from the training. */
export function heldOut(text: string, share: number): { readonly train: string; readonly validation: string } {
  const cut = Math.floor(text.length * (1 - share));
  return { train: text.slice(0, cut), validation: text.slice(cut) };
}
