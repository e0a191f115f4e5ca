/** What all verbs have in common: options, examples in their help, and how they begin and end. */

import { type Command, Option } from "commander";
import type { Device } from "../runtime/runtime.ts";
import { type CommonOptions, type Context, makeContext } from "./context.ts";
import { failed } from "./exit-code.ts";
import { endProcess, reportError } from "./report.ts";
import { wholeNumber } from "./values.ts";

/** What a verb is, for its help. */
export interface VerbHelp {
  /** `train DATA`: name and arguments in commander's form (`train <data>`). */
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** More, for the verb's own help. */
  readonly details?: string;
  /** Lines that can be typed as they are. */
  readonly examples: readonly string[];
  /** Whether it ends its own work when it is told to stop. */
  readonly stopsItself?: boolean;
}

/** A verb's work. @returns whether all its checks held */
export type Work<Args extends readonly unknown[], Options> = (
  context: Context,
  args: Args,
  options: Options,
) => Promise<boolean | undefined>;

const devices: readonly Device[] = ["cpu", "webgpu", "cuda", "wasm"];

/**
 * Adds a verb to the program.
 * @param load loads the verb's code; called only when the verb runs, so that no verb waits for another's imports
 */
export function addVerb<Args extends readonly unknown[], Options>(
  program: Command,
  { name, summary, details, examples, stopsItself = false }: VerbHelp,
  declare: (command: Command) => Command,
  load: () => Promise<Work<Args, Options>>,
): void {
  const command = declare(
    program
      .command(name)
      .summary(summary)
      .description(details ? `${summary}\n\n${details}` : summary),
  )
    .addOption(new Option("--device <name>", "where numbers are computed").choices(devices).default("cpu"))
    .option("--threads <n>", "threads of one operator; default: the cores this process may use", wholeNumber(1, 1024))
    .option("--spin", "idle threads wait awake: for a machine that does nothing else", false)
    .option("--seed <n>", "what all random numbers come from", wholeNumber(0), 0)
    .option("--json", "print one JSON document and nothing else on standard output", false)
    .option("--quiet", "no progress and no notes", false)
    .option("--debug", "show the stack of errors", false)
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ ${line}`).join("\n")}`);
  command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2) as unknown as Args;
    const options = command.opts<Options & CommonOptions>();
    const context = makeContext(options, stopsItself);
    try {
      const work = await load();
      const held = await work(context, args, options);
      if (held === false) process.exitCode = failed;
    } catch (error) {
      process.exitCode = reportError(error, options, context.signal);
    }
    await endProcess();
  });
}
