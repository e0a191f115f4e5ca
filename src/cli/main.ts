#!/usr/bin/env node
/** The command line. */

import { CommanderError } from "commander";
import { VitrineError } from "../errors.ts";
import { wrongUsage } from "./exit-code.ts";
import { makeProgram } from "./program.ts";
import { forgiveClosedPipes, reportError } from "./report.ts";

forgiveClosedPipes();
const flags = { json: process.argv.includes("--json"), debug: process.argv.includes("--debug") };
try {
  await makeProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) process.exitCode = reportError(error, flags);
  else if (error.code === "commander.help") process.exitCode = wrongUsage;
  else if (error.exitCode !== 0) {
    const [rule, ...rest] = error.message.replace(/^error: /, "").split("\n");
    const hint = rest
      .join(" ")
      .replace(/^\((.*)\)$/, "$1")
      .replace(/^Did/, "did");
    const next = (await settingHint(rule!)) ?? (hint || "vitrine --help shows what there is");
    process.exitCode = reportError(new VitrineError("INVALID_ARGUMENT", { rule: rule!, next }), flags);
  }
}

/** Of an unknown option that is a setting of a training's recipe: how it is given. */
async function settingHint(rule: string): Promise<string | undefined> {
  const [, words] = /^unknown option '--([a-z-]+)/.exec(rule) ?? [];
  if (words === undefined || !["train", "pretrain"].includes(process.argv[2]!)) return undefined;
  const setting = words.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const { fromScratch } = await import("../train/recipe.ts");
  if (!Object.hasOwn(fromScratch, setting)) return undefined;
  return `"${setting}" is a setting of the recipe: put {"${setting}": …} into a file and add --config FILE`;
}
