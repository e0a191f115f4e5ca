/**
 * Where tracing is now: the path of the running module, the taps and updates being collected. The tracer's stack is the only
 * module-level state.
 */

import type { Value, Variable } from "../graph/value.ts";

interface Frame {
  /** `undefined` outside any module; empty in the root module. */
  readonly path: string | undefined;
  /** Distinguishes random sites of repeated calls of the same module (micro-batches). */
  readonly repeat: string;
  readonly taps: Map<string, Value> | undefined;
  readonly updates: Map<Variable, Value> | undefined;
  /** How often each random site was used in this trace. */
  readonly sites: Map<string, number>;
}

const stack: Frame[] = [{ path: undefined, repeat: "", taps: undefined, updates: undefined, sites: new Map() }];

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
  return top().path ?? "";
}

/** True while a module's forward runs. */
export function insideModule(): boolean {
  return top().path !== undefined;
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

/** New values that variables take when the computation has run, recorded while it is traced (running statistics). */
export function recordUpdate(variable: Variable, value: Value): void {
  top().updates?.set(variable, value);
}

/** What a variable holds at this point of the trace: its recorded update, or its value at the start. */
export function currentValue(variable: Variable): Value {
  return top().updates?.get(variable) ?? variable.value;
}

/** Runs a part of a trace, and says what it named on the way. */
export function collectTaps<T>(run: () => T): Pick<Trace<T>, "result" | "taps"> {
  const taps = new Map<string, Value>();
  const result = within({ taps }, run);
  for (const [name, value] of taps) top().taps?.set(name, value);
  return { result, taps };
}

/** What a function traced, and what it named and updated on the way. */
export interface Trace<T> {
  readonly result: T;
  /** Named intermediate values, by full path. */
  readonly taps: ReadonlyMap<string, Value>;
  readonly updates: ReadonlyMap<Variable, Value>;
}

/** Runs a trace of its own. */
export function trace<T>(run: () => T): Trace<T> {
  const taps = new Map<string, Value>();
  const updates = new Map<Variable, Value>();
  return { result: within({ path: undefined, repeat: "", taps, updates, sites: new Map() }, run), taps, updates };
}
