/** Modules: named parameters, and a path that follows the data through them. */

import type { NdArray } from "../graph/dtype.ts";
import { makeVariable } from "../graph/graph.ts";
import { foldIn, type Key, keyOf } from "../graph/random.ts";
import type { Variable } from "../graph/value.ts";
import { currentValue, insideModule, recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import { toSnakeCase } from "../weights/names.ts";
import type { Initializer } from "./init.ts";

/** What differs between training and use: dropout, drop path, batch statistics. */
export interface Mode {
  readonly train: boolean;
}

/** Evaluation: nothing is random and nothing is updated. */
export const evaluation: Mode = { train: false };

/** A tensor that training changes. */
export class Parameter extends Tensor {
  readonly variable: Variable;

  constructor(variable: Variable) {
    super(variable.value);
    this.variable = variable;
  }

  /** Path in the model, in the checkpoint's names (`blocks.0.attn.qkv.weight`). */
  get name(): string {
    return this.variable.name;
  }

  /** The same numbers, through which no gradient comes back: a second value that reads the variable. */
  get withoutGradient(): Tensor {
    return new Tensor({ ...this.variable.value });
  }
}

/** State that a checkpoint carries but no gradient changes: running statistics. */
export class Buffer {
  readonly variable: Variable;

  constructor(variable: Variable) {
    this.variable = variable;
  }

  /** Its value at this point of the trace. */
  get tensor(): Tensor {
    return new Tensor(currentValue(this.variable));
  }

  /** Sets the value it has after the run. */
  update(next: Tensor): void {
    recordUpdate(this.variable, next.value);
  }
}

const initializers = new WeakMap<Variable, Initializer>();

function initialized(shape: readonly number[], init: Initializer): Variable {
  const variable = makeVariable("", "float32", shape, (self) => drawFrom(init, keyOf(0), self));
  initializers.set(variable, init);
  return variable;
}

function drawFrom(init: Initializer, key: Key, { name, shape }: Variable): NdArray {
  return { dtype: "float32", shape, data: init(foldIn(key, name), shape) };
}

/** A float32 parameter. @param init draws its first value, with a key made of the seed and its name */
export function parameter(shape: readonly number[], init: Initializer): Parameter {
  return new Parameter(initialized(shape, init));
}

/** A float32 buffer. */
export function buffer(shape: readonly number[], init: Initializer): Buffer {
  return new Buffer(initialized(shape, init));
}

/**
 * A part of a model. Fields that are parameters, buffers, modules or arrays of modules are found by themselves; a field `clsToken` is
 * called `cls_token` in checkpoints. While `forward` runs, the module's path is known to errors, taps and random sites.
 */
export abstract class Module {
  /** Path from the root of the model; set when a root runs or is asked for its variables. */
  #path = "";

  constructor() {
    const { forward } = this as { forward?: (...args: unknown[]) => unknown };
    if (!forward) return;
    const entered = (...args: unknown[]): unknown => {
      if (!insideModule()) nameVariables(this);
      return withPath(this.#path, () => forward.apply(this, args));
    };
    Object.defineProperty(this, "forward", { value: entered, enumerable: false });
  }

  get path(): string {
    return this.#path;
  }

  /** Called by the naming walk. */
  enterTree(path: string): void {
    this.#path = path;
  }

  /** All parameters by name, in the order of the fields. */
  parameters(): ReadonlyMap<string, Parameter> {
    return new Map(membersOf(this).flatMap(([name, member]) => (member instanceof Parameter ? [[name, member]] : [])));
  }

  /** All buffers by name. */
  buffers(): ReadonlyMap<string, Buffer> {
    return new Map(membersOf(this).flatMap(([name, member]) => (member instanceof Buffer ? [[name, member]] : [])));
  }

  /** Parameters and buffers: what a checkpoint holds. */
  variables(): ReadonlyMap<string, Variable> {
    return new Map(membersOf(this).map(([name, member]) => [name, member.variable]));
  }

  /** This module and all inside it, by path, each before its parts. */
  modules(): ReadonlyMap<string, Module> {
    const found = new Map<string, Module>();
    walk(this, "", (path, member) => {
      if (member instanceof Module) found.set(path, member);
    });
    return found;
  }

  /** Draws all parameters anew from a seed; each from a stream of its own, named as it is. */
  initialize(seed: number | Key): this {
    const key = typeof seed === "number" ? keyOf(seed) : seed;
    for (const variable of this.variables().values()) {
      const init = initializers.get(variable);
      if (init) variable.data = drawFrom(init, key, variable);
    }
    return this;
  }

  /** Number of elements of all parameters. */
  parameterCount(): number {
    return [...this.parameters().values()].reduce(
      (total, p) => total + p.variable.shape.reduce((n, size) => n * size, 1),
      0,
    );
  }
}

/** Gives every variable its path as name. */
function nameVariables(root: Module): void {
  membersOf(root);
}

/** Parameters and buffers with their names; a tensor that stands in two places keeps its first name. */
function membersOf(root: Module): readonly (readonly [string, Parameter | Buffer])[] {
  const members = new Map<Variable, readonly [string, Parameter | Buffer]>();
  walk(root, "", (path, member) => {
    if (member instanceof Module) member.enterTree(path);
    else if (!members.has(member.variable)) {
      members.set(member.variable, [path, member]);
      member.variable.name = path;
    }
  });
  return [...members.values()];
}

function walk(module: Module, path: string, visit: (path: string, member: Module | Parameter | Buffer) => void): void {
  visit(path, module);
  for (const [field, member] of Object.entries(module))
    walkMember(member, path ? `${path}.${toSnakeCase(field)}` : toSnakeCase(field), visit);
}

function walkMember(
  member: unknown,
  path: string,
  visit: (path: string, member: Module | Parameter | Buffer) => void,
): void {
  if (member instanceof Module) walk(member, path, visit);
  else if (member instanceof Parameter || member instanceof Buffer) visit(path, member);
  else if (Array.isArray(member)) for (const [i, item] of member.entries()) walkMember(item, `${path}.${i}`, visit);
}
