/** `vitrine generate MODEL PROMPT…`: texts that go on. */

import { TextGenerator } from "../../tasks/generate.ts";
import { type Context, interruption, stopIfTold } from "../context.ts";
import { counted } from "../numbers.ts";
import { type LanguageUse, loadWords, modelAndTexts, noTexts, readTexts } from "../words.ts";

export interface GenerateOptions {
  readonly tokens: number;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly beams?: number | undefined;
}

const use: LanguageUse<"gpt2" | "recurrent-language"> = {
  verb: "generate",
  needs: "a model that goes on with texts",
  kinds: ["gpt2", "recurrent-language"],
  otherwise: "`vitrine translate` takes models that translate",
};

/** Writes on from each prompt. One text appears as it is written; of several, each once those before it are done. */
export async function generate(
  context: Context,
  [args]: readonly [readonly string[]],
  { tokens, temperature, topK, topP, repetitionPenalty, beams }: GenerateOptions,
): Promise<undefined> {
  const { reference, texts } = modelAndTexts(args, use.verb);
  if (texts.length === 0)
    throw noTexts(use.verb, "prompt", reference, 'vitrine generate MODEL "Once upon a time", or - for standard input');
  const prompts = readTexts(texts);
  const [{ name, model, tokenizer }, runtime] = await Promise.all([
    loadWords(context, reference, use),
    context.runtime(),
  ]);
  await using writer = await TextGenerator.open(model, tokenizer, runtime);
  const { seed } = context;
  const signal = interruption(context);
  const page = new Page(context, prompts);
  if (beams !== undefined) {
    const found = await writer.search(prompts, { beams, maxWords: tokens, signal });
    for (const [i, { text, ended }] of found.entries()) page.add(i, text, ended);
  } else {
    const how = { maxWords: tokens, temperature, topK, topP, repetitionPenalty, seed, signal };
    for await (const { text, piece, ended } of writer.stream(prompts, how)) page.add(text, piece, ended);
  }
  stopIfTold(context);
  page.finish(name);
  const lengths = prompts.map((prompt) => tokenizer.encode(prompt).length);
  for (const [i, length] of lengths.entries()) {
    // Beams of several prompts go on together, as far as the longest can.
    const room = writer.positions + 1 - (beams === undefined ? length : Math.max(...lengths));
    if (!page.ended(i) && room < tokens)
      context.terminal.warn(
        `text ${i + 1} stops after ${counted(room, "new token")}: the model holds ${writer.positions} with the prompt's`,
      );
  }
  return undefined;
}

/** Texts in the order of their prompts, told as early as that order lets them. */
class Page {
  readonly #context: Context;
  readonly #prompts: readonly string[];
  readonly #texts: string[];
  readonly #ended: boolean[];

  constructor(context: Context, prompts: readonly string[]) {
    this.#context = context;
    this.#prompts = prompts;
    this.#texts = prompts.map(() => "");
    this.#ended = prompts.map(() => false);
  }

  add(text: number, piece: string, ended = false): void {
    this.#ended[text] = ended;
    const begun = this.#texts[text] !== "";
    this.#texts[text] += piece;
    if (piece === "") return;
    // Only the first text is told while the others may still be in the middle of theirs.
    if (text === 0) this.#tell(begun ? piece : this.#prompts[0]! + piece);
  }

  /** Whether the model ended a text. */
  ended(text: number): boolean {
    return this.#ended[text]!;
  }

  finish(model: string): void {
    const [first] = this.#texts;
    if (first === "") this.#tell(this.#prompts[0]!);
    this.#tell("\n");
    for (const [i, text] of this.#texts.entries()) if (i > 0) this.#tell(`\n${this.#prompts[i]}${text}\n`);
    const documents = this.#texts.map((text, i) => ({
      ...{ model, prompt: this.#prompts[i], text, ended: this.#ended[i] },
    }));
    this.#context.terminal.result(documents, "");
  }

  #tell(text: string): void {
    if (!this.#context.json) process.stdout.write(text);
  }
}
