/** What every verb is given: the common options, ways to speak, and a signal that says stop. */

import { VitrineError } from "../errors.ts";
import type { Device, Runtime } from "../runtime/runtime.ts";
import { exitCodeOfSignal } from "./exit-code.ts";
import { Terminal } from "./terminal.ts";

/** The options that all verbs share. */
export interface CommonOptions {
  readonly device: Device;
  readonly threads?: number | undefined;
  /** Idle threads wait awake. */
  readonly spin: boolean;
  readonly seed: number;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Errors with their stack. */
  readonly debug: boolean;
}

export interface Context extends CommonOptions {
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
  readonly signal: AbortSignal;
  /** The runtime that the options ask for, opened when first needed. */
  runtime(): Promise<Runtime>;
}

/**
 * The context of one call of the command line.
 * @param stopsItself whether the verb has something to bring to an end when it is told to stop; otherwise the process ends at once
 */
export function makeContext(options: CommonOptions, stopsItself: boolean): Context {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      if (stop.signal.aborted || !stopsItself) process.exit(exitCodeOfSignal(name));
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

/** Opens a device. @throws {VitrineError} NOT_AVAILABLE when it does not work here. */
export async function openRuntime({
  device,
  threads,
  spin,
}: Pick<CommonOptions, "device" | "threads"> & Partial<Pick<CommonOptions, "spin">>): Promise<Runtime> {
  const chosen = threads === undefined ? {} : { threads };
  if (device === "wasm") return (await import("../runtime/web.ts")).webRuntime({ device, ...chosen });
  return (await import("../runtime/node.ts")).nodeRuntime({ device, ...chosen, ...(spin && { spinning: true }) });
}

/** Ends a verb at a moment where nothing is half-done. @throws {VitrineError} INTERRUPTED when it was told to stop. */
export function stopIfTold({ signal }: Pick<Context, "signal">): void {
  if (signal.aborted) throw new VitrineError("INTERRUPTED", { rule: "stopped on request" });
}

/** A signal for work that stops in its middle: its reason is the error that `stopIfTold` throws. */
export function interruption({ signal }: Pick<Context, "signal">): AbortSignal {
  const own = new AbortController();
  const stop = (): void => own.abort(new VitrineError("INTERRUPTED", { rule: "stopped on request" }));
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
  return own.signal;
}
