/** Where tracing is now: the path of the running module, and the taps being collected. The tracer's stack is the only module-level state. */

import type { Value } from "../graph/value.ts";

interface Frame {
  readonly path: string;
  /** Distinguishes random sites of repeated calls of the same module (micro-batches). */
  readonly repeat: string;
  readonly taps: Map<string, Value> | undefined;
  /** How often each random site was used in this trace. */
  readonly sites: Map<string, number>;
}

const stack: Frame[] = [{ path: "", repeat: "", taps: undefined, sites: new Map() }];

function top(): Frame {
  return stack[stack.length - 1]!;
}

function within<T>(frame: Partial<Frame>, run: () => T): T {
  stack.push({ ...top(), ...frame });
  try {
    return run();
  } finally {
    stack.pop();
  }
}

/** Path of the module that is running (`blocks.3.attn`); empty outside. */
export function currentPath(): string {
  return top().path;
}

/** Runs with the given module path. */
export function withPath<T>(path: string, run: () => T): T {
  return within({ path }, run);
}

/** Runs a part of a trace that is repeated (a micro-batch), so that its random sites are its own. */
export function withRepeat<T>(repeat: string, run: () => T): T {
  return within({ repeat, sites: new Map() }, run);
}

/** A name for a source of random numbers: the module path, made unique within the trace. */
export function randomSite(name: string): string {
  const { path, repeat, sites } = top();
  const site = [path, name, repeat].filter(Boolean).join("/");
  const count = sites.get(site) ?? 0;
  sites.set(site, count + 1);
  return count === 0 ? site : `${site}:${count}`;
}

/** Names an intermediate value `PATH.name`, where a trace is collecting taps. */
export function recordTap(name: string, value: Value): void {
  const { path, taps } = top();
  taps?.set([path, name].filter(Boolean).join("."), value);
}

/** Runs a trace of its own and collects its taps under their full names. */
export function collectTaps<T>(run: () => T): { readonly result: T; readonly taps: ReadonlyMap<string, Value> } {
  const taps = new Map<string, Value>();
  return { result: within({ path: "", repeat: "", taps, sites: new Map() }, run), taps };
}
