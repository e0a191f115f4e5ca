/** Text to ids and back, by published files: `tokenizer.json`, or the vocabulary and merges of byte-level pair encoding. */

import { Tokenizer as Library } from "@huggingface/tokenizers";
import * as v from "valibot";
import { VitrineError } from "../../errors.ts";
import { endOfText } from "./documents.ts";
import { isByteLevel, type PreTokenizer, spelledOut } from "./gpt2-words.ts";

/** A text in pieces that a vocabulary knows. */
export class Tokenizer {
  /** Number of ids: one more than the largest. */
  readonly words: number;
  /** Id that ends texts, where the files name one. */
  readonly end: number | undefined;
  /** Id that stands for what the vocabulary does not have, where the files name one. */
  readonly unknown: number | undefined;
  readonly #library: Library;
  /** Whether a space is a symbol like any other; else it may be what parts words, and no piece of its own. */
  readonly #keepsSpaces: boolean;
  /** Pieces that stand for themselves wherever they are written, whatever symbols they are made of. */
  readonly #whole: readonly string[];
  /** Symbols by whether they have a piece. */
  readonly #known = new Map<string, boolean>();

  private constructor(
    library: Library,
    end: number | undefined,
    { unknown, keepsSpaces = false, whole = [] }: Known = {},
  ) {
    this.#library = library;
    this.#keepsSpaces = keepsSpaces;
    this.#whole = whole;
    this.words = 1 + [...library.get_vocab(true).values()].reduce((most, id) => Math.max(most, id), -1);
    this.end = end;
    this.unknown = unknown;
  }

  /**
   * From a parsed `tokenizer.json`, and the `tokenizer_config.json` beside it. Texts end with what that names, else with the file's own `<|endoftext|>`: GPT-2's
   * own folder on the hub names none.
   * @param place file name, for messages
   * @throws {VitrineError} INVALID_FILE for a file of another form, or of a kind that the library does not know.
   */
  static fromJson(tokenizer: unknown, config: unknown = {}, place = "tokenizer.json"): Tokenizer {
    const file = parsed(tokenizerSchema, tokenizer, place);
    if (isByteLevel(file.pre_tokenizer) && file.model.type === "BPE")
      requireBytes(parsed(vocabularySchema, file.model.vocab, place), place);
    const settings = parsed(configSchema, config, "tokenizer_config.json");
    const end = settings.eos_token ?? file.added_tokens?.find(({ content }) => content === endOfText);
    const name = typeof end === "string" ? end : end?.content;
    const library = made({ ...file, pre_tokenizer: withPrefixOf(settings, file.pre_tokenizer) }, settings, place);
    const { unk_token: piece, unk_id: id } = file.model;
    const unknown = typeof piece === "string" ? library.token_to_id(piece) : (id ?? undefined);
    const keepsSpaces = !file.normalizer && file.pre_tokenizer?.behavior === "Isolated";
    const known = { unknown, keepsSpaces, whole: (file.added_tokens ?? []).map(({ content }) => content) };
    return new Tokenizer(library, name === undefined ? undefined : library.token_to_id(name), known);
  }

  /**
   * From a byte-level vocabulary and its merges: `vocab.json` and `merges.txt`, or OpenAI's `encoder.json` and `vocab.bpe`.
   * @param vocabulary parsed JSON, piece → id
   * @param merges text, a pair on a line; the first line may be a comment
   * @param end text of the id that ends texts; it is one id wherever it stands in a text
   * @throws {VitrineError} INVALID_FILE for files of another form, or that do not belong together.
   * @source Radford et al. 2019, section 2.2; openai/gpt-2, src/encoder.py
   */
  static fromBytePairs(vocabulary: unknown, merges: string, end: string = endOfText): Tokenizer {
    const vocab = parsed(vocabularySchema, vocabulary, "vocabulary");
    const pairs = pairsOf(merges, vocab);
    requireBytes(vocab, "vocabulary");
    const id = Object.hasOwn(vocab, end) ? vocab[end] : undefined;
    const file = {
      version: "1.0",
      added_tokens: id === undefined ? [] : [{ id, content: end, special: true, normalized: true }],
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: null,
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: "BPE", vocab, merges: pairs },
    };
    return new Tokenizer(made(file, { tokenizer_class: "GPT2Tokenizer" }, "vocabulary and merges"), id);
  }

  /**
   * The text's ids.
   * @param special with the ids that the files put before and after a text; none without it
   * @param leaveOut symbols that the vocabulary lacks vanish: for those who say so with `unknownSymbols`
   * @throws {VitrineError} INVALID_ARGUMENT where the vocabulary lacks a symbol and has no piece for what it lacks.
   */
  encode(
    text: string,
    { special = false, leaveOut = false }: { readonly special?: boolean; readonly leaveOut?: boolean } = {},
  ): readonly number[] {
    if (!leaveOut && this.unknown === undefined) {
      const lacking = this.unknownPlaces(text);
      if (lacking !== "")
        throw new VitrineError("INVALID_ARGUMENT", {
          rule: "encode: a text's symbols must be in the vocabulary",
          evidence: `it lacks ${lacking}`,
        });
    }
    return this.#ids(text, special).filter((id) => id !== undefined);
  }

  /** `undefined` for a piece that is not there, as the library has it. */
  #ids(text: string, special: boolean): readonly (number | undefined)[] {
    return this.#library.encode(text, { add_special_tokens: special }).ids;
  }

  /** The text of ids; where bytes are no whole character, U+FFFD. @throws {VitrineError} INVALID_ARGUMENT for an id that is not there. */
  decode(ids: readonly number[]): string {
    const strange = ids.find((id) => this.#library.id_to_token(id) === undefined);
    if (strange !== undefined)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `decode: an id is one of the vocabulary, from 0 to ${this.words - 1}`,
        evidence: `got ${strange}`,
      });
    return ids.length === 0
      ? ""
      : this.#library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  /** The text of each id by itself; a half character is U+FFFD. @throws {VitrineError} as `decode`. */
  pieces(ids: readonly number[]): readonly string[] {
    return ids.map((id) => this.decode([id]));
  }

  /** The text's symbols that no piece has, each once, in their order: they become the unknown word's id, or vanish. */
  unknownSymbols(text: string): readonly string[] {
    const apart = this.#whole.reduce((parts, piece) => parts.flatMap((part) => part.split(piece)), [text]);
    return [...new Set(apart.join(""))].filter((symbol) => !this.#knows(symbol));
  }

  /** The first five of `unknownSymbols` in words, with the characters where they first stand, from 1; empty where there are none. */
  unknownPlaces(text: string): string {
    const unknown = this.unknownSymbols(text);
    if (unknown.length === 0) return "";
    // What stands in a piece of its own is no symbol of the text, and takes its place all the same.
    const blank = (piece: string): string => "\0".repeat([...piece].length);
    const symbols = [...this.#whole.reduce((rest, piece) => rest.replaceAll(piece, blank(piece)), text)];
    const places = unknown
      .slice(0, 5)
      .map((symbol) => `${JSON.stringify(symbol)} at character ${symbols.indexOf(symbol) + 1}`);
    return `${places.join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}`;
  }

  #knows(symbol: string): boolean {
    const before = this.#known.get(symbol);
    if (before !== undefined) return before;
    const ids = this.#ids(symbol, false);
    const vanishes = ids.length === 0 && (this.#keepsSpaces || symbol.trim() !== "");
    const known = !vanishes && ids.every((id) => id !== undefined && id !== this.unknown);
    this.#known.set(symbol, known);
    return known;
  }

  /**
   * Stops unless a model has a vector for every id. A few more vectors than ids are borne unless `exact`: some publishers round their number up to a
   * multiple of 8, 64 or 128, which adds fewer than that, and little to a large vocabulary; OpenNMT adds one for words that are in no vocabulary.
   * @throws {VitrineError} WEIGHTS_MISMATCH
   */
  requireWords(words: number, { exact = false }: { readonly exact?: boolean } = {}): void {
    const more = words - this.words;
    const rounded = (words % 8 === 0 || more === 1) && more > 0 && more < roundedUp && more <= this.words / 16;
    if (more === 0 || (rounded && !exact)) return;
    throw new VitrineError("WEIGHTS_MISMATCH", {
      rule: "a tokenizer's ids must be words of the model",
      evidence: `got ${this.words} ids for ${words} words`,
      next: "take the tokenizer files that were published with the weights",
    });
  }
}

/** What makes ids of the source's text, and text of the target's ids; one and the same where both languages share a vocabulary. */
export interface TokenizerPair {
  readonly source: Tokenizer;
  readonly target: Tokenizer;
}

/** The largest number to whose multiples publishers round their vocabularies up. */
const roundedUp = 128;

/** Ids that arrive one by one as text: what is no whole character yet is held back. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  #held: number[] = [];

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The text that the id completes; empty while a character lacks bytes. */
  push(id: number): string {
    this.#held.push(id);
    const text = this.#tokenizer.decode(this.#held);
    // No character has more than four bytes: what still does not fit then never will.
    if (text.endsWith("\ufffd") && this.#held.length < 4) return "";
    this.#held = [];
    return text;
  }

  /** What is still held back at the end. */
  finish(): string {
    const text = this.#tokenizer.decode(this.#held);
    this.#held = [];
    return text;
  }
}

/** What a tokenizer knows of its vocabulary beside the library. */
interface Known {
  readonly unknown?: number | undefined;
  readonly keepsSpaces?: boolean;
  readonly whole?: readonly string[];
}

const idSchema = v.pipe(v.number(), v.integer(), v.minValue(0));
// A vocabulary of a hundred thousand pieces, as it was parsed: `__proto__` may be one of them.
const vocabularySchema = v.custom<Readonly<Record<string, number>>>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((id) => v.is(idSchema, id)) &&
    new Set(Object.values(value)).size === Object.keys(value).length,
  "an object of pieces with ids of their own",
);
const preTokenizerSchema: v.GenericSchema<PreTokenizer> = v.looseObject({
  type: v.optional(v.string()),
  behavior: v.optional(v.string()),
  use_regex: v.optional(v.boolean()),
  add_prefix_space: v.optional(v.boolean()),
  pretokenizers: v.optional(v.array(v.lazy(() => preTokenizerSchema))),
});
const tokenizerSchema = v.looseObject({
  model: v.looseObject({
    type: v.optional(v.string()),
    unk_token: v.optional(v.nullable(v.string())),
    unk_id: v.optional(v.nullable(idSchema)),
  }),
  added_tokens: v.optional(v.nullable(v.array(v.looseObject({ content: v.string() })))),
  normalizer: v.optional(v.nullable(v.looseObject({}))),
  pre_tokenizer: v.optional(v.nullable(preTokenizerSchema)),
});
const token = v.union([v.string(), v.looseObject({ content: v.string() })]);
const configSchema = v.looseObject({
  eos_token: v.optional(v.nullable(token)),
  tokenizer_class: v.optional(v.nullable(v.string())),
  add_prefix_space: v.optional(v.nullable(v.boolean())),
});

function parsed<S extends v.GenericSchema>(schema: S, value: unknown, place: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new VitrineError("INVALID_FILE", {
    rule: "a tokenizer's file must have its form",
    evidence: `${v.getDotPath(issue) ?? "it"}: ${issue.message}`,
    place,
  });
}

/**
 * How a text is cut, with or without a space before it: GPT-2's class goes by the settings beside the file, whatever the file says.
 * @source transformers 5.18, models/gpt2/tokenization_gpt2.py
 */
function withPrefixOf(
  { tokenizer_class: name, add_prefix_space: wanted }: v.InferOutput<typeof configSchema>,
  cut: PreTokenizer | null | undefined,
): PreTokenizer | null | undefined {
  if (cut?.type !== "ByteLevel" || !/^GPT2Tokenizer(Fast)?$/.test(name ?? "")) return cut;
  return { ...cut, add_prefix_space: wanted ?? false };
}

function made(
  file: { readonly pre_tokenizer?: PreTokenizer | null | undefined },
  config: object,
  place: string,
): Library {
  try {
    const { pre_tokenizer: cut } = file;
    return new Library(cut ? { ...file, pre_tokenizer: spelledOut(cut) } : file, config);
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "a tokenizer must be of a kind that @huggingface/tokenizers knows",
      evidence: cause instanceof Error ? cause.message : String(cause),
      place,
      cause,
    });
  }
}

/**
 * Stops unless there is a piece for each byte: the library leaves out what the vocabulary lacks, without a word.
 * @source openai/gpt-2, src/encoder.py, bytes_to_unicode: printable bytes stand for themselves, the others for U+0100 and on
 */
function requireBytes(vocab: Readonly<Record<string, number>>, place: string): void {
  const printable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let other = 256;
  for (let byte = 0; byte < 256; byte++) {
    const piece = String.fromCodePoint(printable(byte) ? byte : other++);
    if (!Object.hasOwn(vocab, piece))
      throw new VitrineError("INVALID_FILE", {
        rule: "a byte-level vocabulary must have a piece for each byte",
        evidence: `it has none for ${byte}, ${JSON.stringify(piece)}`,
        place,
      });
  }
}

/** Pairs by rank; both halves and the whole must be pieces. */
function pairsOf(merges: string, vocab: Readonly<Record<string, number>>): readonly (readonly [string, string])[] {
  const lines = merges.split(/\r?\n/);
  const first = lines[0]?.startsWith("#version") ? 1 : 0;
  return lines.slice(first).flatMap((line, i): readonly (readonly [string, string])[] => {
    if (line === "") return [];
    const place = `merges, line ${first + i + 1}`;
    const [left, right, ...more] = line.split(" ");
    if (!left || !right || more.length > 0)
      throw new VitrineError("INVALID_FILE", {
        rule: "a merge must be two pieces with a space between them",
        evidence: `got ${JSON.stringify(line.slice(0, 80))}`,
        place,
      });
    const strange = [left, right, left + right].find((piece) => !Object.hasOwn(vocab, piece));
    if (strange !== undefined)
      throw new VitrineError("INVALID_FILE", {
        rule: "merges must be those of the vocabulary",
        evidence: `it has no ${JSON.stringify(strange)}`,
        place,
        next: "take both files from one publisher",
      });
    return [[left, right]];
  });
}
