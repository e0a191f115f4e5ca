/** A text of several documents: each ends with a mark, as GPT-2's training texts do. */

/**
 * Ends a document; a piece of its own in the vocabularies that are learned from several.
 * @source openai/gpt-2, src/encoder.py; Radford et al. 2019, section 2.1
 */
export const endOfText = "<|endoftext|>";

/** The documents of a text, without those that have no word; a text without a mark is one document. Line ends beside a mark belong to nobody. */
export function documentsOf(text: string): readonly string[] {
  const parts = text.split(endOfText);
  return (parts.length === 1 ? parts : parts.map((part) => part.replace(/^\n+|\n+$/g, ""))).filter(
    (part) => part.trim() !== "",
  );
}

/** Documents as one text: a single one as it is, several each with the mark after it. */
export function textOf(documents: readonly string[]): string {
  return documents.length === 1 ? documents[0]! : documents.map((document) => document + endOfText).join("");
}

/** A text before and from a character on; a mark there stays whole, in the first part. */
export function cutText(text: string, at: number): readonly [before: string, after: string] {
  const mark = text.lastIndexOf(endOfText, at - 1);
  const cut = mark >= 0 && mark + endOfText.length > at ? mark + endOfText.length : at;
  return [text.slice(0, cut), text.slice(cut)];
}
