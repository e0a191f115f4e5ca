/** Verbs of models of words, with their options. */

import { type Command, Option } from "commander";
import { positiveNumber, shareUpToOne, wholeNumber, zeroOrMore } from "./values.ts";
import { addVerb } from "./verb.ts";

const modelHelp =
  "MODEL is a folder with config.json, weights and tokenizer files, a hub id, or a name in the package; without it the package's own model answers.";

/** Adds them. */
export function addWordVerbs(program: Command): void {
  addVerb(
    program,
    {
      name: "generate",
      summary: "Go on with texts.",
      details: `${modelHelp} Several prompts are gone on with together. A seed gives the same texts again.`,
      stopsItself: true,
      examples: [
        'vitrine generate openai-community/gpt2 "Once upon a time" --tokens 60 --temperature 0.8 --top-k 50',
        "vitrine generate DIR - < prompt.txt",
        'vitrine generate DIR "The first" "The second" --beams 4 --json',
      ],
    },
    (command) =>
      command
        .argument("[text...]", "MODEL, then prompts; - is standard input")
        .option("--tokens <n>", "most new tokens (words or parts of words) of each text", wholeNumber(1), 100)
        .addOption(new Option("--temperature <x>", "divides the scores; 0: always the likeliest").argParser(zeroOrMore))
        .option("--top-k <n>", "only the n likeliest tokens", wholeNumber(1))
        .option("--top-p <share>", "only the likeliest tokens that together have this share", shareUpToOne)
        .option("--repetition-penalty <x>", "makes tokens that are there already less likely; 1: not", positiveNumber)
        .addOption(
          new Option("--beams <n>", "search for the likeliest text with n beams, instead of drawing one")
            .argParser(wholeNumber(1, 64))
            .conflicts(["temperature", "topK", "topP", "repetitionPenalty"]),
        ),
    async () => (await import("./commands/generate.ts")).generate,
  );

  addVerb(
    program,
    {
      name: "translate",
      summary: "Translate sentences.",
      details: `${modelHelp} Lines keep their order, and empty lines stay empty.`,
      stopsItself: true,
      examples: [
        'vitrine translate DIR "Ein Hund läuft über die Wiese."',
        "vitrine translate DIR --file captions.de --beams 4 > captions.en",
        'vitrine translate DIR "Zwei Männer kochen." --alignment --json',
      ],
    },
    (command) =>
      command
        .argument("[text...]", "MODEL, then sentences; - is standard input, a sentence on a line")
        .option("--file <file>", "text file with a sentence on each line")
        .option("--beams <n>", "sentences kept at each step; 1: greedy", wholeNumber(1, 64), 1)
        .option("--length-penalty <x>", "above 1 for longer sentences, below for shorter ones; default: 1", zeroOrMore)
        .option(
          "--tokens <n>",
          "most tokens of a translation; default: three for each of its source, and ten",
          wholeNumber(1),
        )
        .option("--prefix <text>", "what every translation begins with")
        .option("--batch <n>", "sentences that are translated together", wholeNumber(1, 1024), 16)
        .option("--alignment", "with --json: where each token looked in its source", false),
    async () => (await import("./commands/translate.ts")).translateVerb,
  );
}
