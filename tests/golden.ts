/** Reader of reference numbers in the format `vitrine-golden/1`, and the comparison with their tolerance. */

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { NdArray } from "../src/graph/dtype.ts";
import { readSafetensors } from "../src/weights/safetensors.ts";
import { sharedPath } from "./shared.ts";

/** |got − want| ≤ atol + rtol · |want| */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** One case: the reference's configuration, and its tensors by name (`input.…`, `output.…`, `grad.…`). */
export interface Golden<Config> {
  readonly config: Config;
  readonly notes: string;
  readonly tolerance: Tolerance;
  readonly tensors: ReadonlyMap<string, NdArray>;
}

/** Reads `shared/goldens/NAME.safetensors`. */
export function readGolden<Config = Readonly<Record<string, unknown>>>(name: string): Golden<Config> {
  const { tensors, metadata } = readSafetensors(readFileSync(sharedPath("goldens", `${name}.safetensors`)), name);
  return {
    config: JSON.parse(metadata.get("config") ?? "{}") as Config,
    notes: metadata.get("notes") ?? "",
    tolerance: JSON.parse(metadata.get("tolerance") ?? "") as Tolerance,
    tensors,
  };
}

/** A tensor of a case. */
export function goldenTensor({ tensors }: Pick<Golden<unknown>, "tensors">, name: string): NdArray {
  const found = tensors.get(name);
  if (!found) throw new Error(`the case has no tensor "${name}", it has ${[...tensors.keys()].join(", ")}`);
  return found;
}

/** Fails unless shapes are equal and every element lies within the tolerance; says how far the worst one is off. */
export function expectClose(got: NdArray, want: NdArray, { rtol, atol }: Tolerance, what = "values"): void {
  expect(got.shape, `shape of ${what}`).toEqual(want.shape);
  let worst = { excess: 0, message: "" };
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [Number(got.data[i]), Number(want.data[i])];
    const excess = Object.is(a, b) ? 0 : Math.abs(a - b) / (atol + rtol * Math.abs(b));
    // Written so that NaN counts as wrong.
    if (!(excess <= Math.max(1, worst.excess))) worst = { excess, message: `element ${i} is ${a}, should be ${b}` };
  }
  if (worst.message !== "")
    expect.fail(`${what}: ${worst.message} (${worst.excess.toPrecision(3)} times the tolerance)`);
}
