/** What every verb is given: the common options, ways to speak, and a signal that says stop. */

import type { Device, Runtime } from "../runtime/runtime.ts";
import { Terminal } from "./terminal.ts";

/** The options that all verbs share. */
export interface CommonOptions {
  readonly device: Device;
  readonly threads?: number | undefined;
  readonly seed: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

export interface Context extends CommonOptions {
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
  readonly signal: AbortSignal;
  /** The runtime that the options ask for, opened when first needed. */
  runtime(): Promise<Runtime>;
}

/** The context of one call of the command line. */
export function makeContext(options: CommonOptions): Context {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
      stop.abort(name);
    });
  let runtime: Promise<Runtime> | undefined;
  return {
    ...options,
    terminal: new Terminal(options),
    signal: stop.signal,
    runtime: () => {
      runtime ??= openRuntime(options);
      return runtime;
    },
  };
}

async function openRuntime({ device, threads }: CommonOptions): Promise<Runtime> {
  const chosen = threads === undefined ? {} : { threads };
  if (device === "wasm") return (await import("../runtime/web.ts")).webRuntime({ device, ...chosen });
  return (await import("../runtime/node.ts")).nodeRuntime({ device, ...chosen });
}
