/** Our numbers beside a reference's: outputs, intermediate values, loss and gradients of a golden file, tensor by tensor. */

import { compileGraph, traceGraph, withTaps } from "../compile/index.ts";
import { VitrineError } from "../errors.ts";
import { grad } from "../gradient/index.ts";
import type { NdArray } from "../graph/dtype.ts";
import { leavesOf } from "../graph/graph.ts";
import { crossEntropy } from "../losses/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { sum, type Tensor } from "../tensor/index.ts";
import { arrange } from "../weights/arrange.ts";
import { matchWeights } from "../weights/load.ts";
import { applyRules, invertRules, type NameRule } from "../weights/rules.ts";
import { memorySource, type WeightSource } from "../weights/source.ts";
import type { GoldenModel } from "./verify/adapter.ts";
import { adapters } from "./verify/adapters.ts";
import { compareRow, missingRow, type VerifyRow } from "./verify/compare.ts";
import { requireKnownInputs, watchArguments } from "./verify/counterparts.ts";
import type { GoldenFile } from "./verify/golden-file.ts";

export type { VerifyRow } from "./verify/compare.ts";
export { type GoldenFile, parseGolden, type Tolerance } from "./verify/golden-file.ts";

/**
 * Computes a case on a runtime and compares every tensor that the file expects. A tensor that we have no counterpart of is a row that fails.
 * @throws {VitrineError} UNKNOWN_NAME for a family or class that is not there yet, INVALID_ARGUMENT for arguments and inputs without
 * counterpart, WEIGHTS_MISMATCH when parameters differ in name or shape.
 */
export async function verifyGolden(golden: GoldenFile, runtime: Runtime): Promise<readonly VerifyRow[]> {
  const adapter = Object.hasOwn(adapters, golden.model) ? adapters[golden.model] : undefined;
  if (!adapter)
    throw new VitrineError("UNKNOWN_NAME", {
      rule: `golden files can be verified of these families: ${Object.keys(adapters).join(", ")}`,
      evidence: `got "${golden.model}"`,
      place: golden.case,
    });
  const watched = watchArguments(golden);
  const model = adapter(watched.golden);
  watched.requireAllAsked();
  requireKnownInputs(golden, model.inputs);
  const rules = rulesInUse(golden, model.rules);
  await load(golden, model, rules);
  const strangers = golden.strangers.map((name) =>
    missingRow(
      { name, kind: "other", tolerance: golden.tolerance },
      { dtype: "float32", shape: [], data: new Float32Array() },
      "no role in the format",
    ),
  );
  return [
    ...(await verifyForward(golden, model, runtime)),
    ...(await verifyGradients(golden, model, rules, runtime)),
    ...strangers,
  ];
}

/** The rules that rename something here: an older name of the same part would stand in the way back. */
function rulesInUse({ params, buffers }: GoldenFile, rules: readonly NameRule[]): readonly NameRule[] {
  const names = [...params.keys(), ...buffers.keys()].join("\n");
  const source = memorySource([...params, ...buffers]);
  return rules.filter((rule) => [...applyRules(source, [rule]).names()].join("\n") !== names);
}

async function load(
  { params, buffers, case: place }: GoldenFile,
  { module }: GoldenModel,
  rules: readonly NameRule[],
): Promise<void> {
  const variables = module.variables();
  const expected = [...variables].map(([name, { shape }]) => [name, shape] as const);
  const source = matchWeights(expected, applyRules(memorySource([...params, ...buffers], place), rules));
  for (const [name, variable] of variables) variable.data = await source.read(name);
}

/** Outputs and intermediate values, in the form that is used after training. */
async function verifyForward(golden: GoldenFile, model: GoldenModel, runtime: Runtime): Promise<readonly VerifyRow[]> {
  const { tolerance, inputs } = golden;
  const mode = { train: golden.mode.startsWith("train") };
  const { graph, taps } = traceGraph((given) => {
    const outputs = model.forward(given, mode);
    const buffers = [...model.module.buffers()].map(([name, buffer]) => [`buffer.${name}`, buffer.tensor] as const);
    const known = { ...outputs, ...Object.fromEntries(buffers) };
    return Object.fromEntries(
      Object.entries(known).flatMap(([name, t]) => (golden.outputs.has(name) ? [[`output.${name}`, t]] : [])),
    );
  }, Object.fromEntries(inputs));
  const wanted = [
    ...[...golden.outputs].map(([name, want]) => ({ name, want, kind: "output" as const })),
    ...[...golden.taps].map(([name, want]) => ({ name, want, kind: "tap" as const })),
  ].map((row) => ({
    ...row,
    own: graph.outputs.has(`${row.kind}.${row.name}`) ? undefined : model.valueNamed(row.name),
  }));
  const known = new Set(wanted.flatMap(({ own }) => (own && taps.has(own.tap) ? [own.tap] : [])));
  const run = await compileGraph(withTaps(graph, taps, [...known]), { runtime });
  const results = await run.run(Object.fromEntries(inputs)).finally(() => run.dispose());
  const found = await model.search?.(runtime);
  return wanted.map(({ name, want, kind, own }) => {
    const subject = { name: `${kind}.${name}`, kind, tolerance };
    const got = kind === "output" && found?.[name] ? found[name] : results[own ? own.tap : subject.name];
    if (!got) return missingRow(subject, want, "we have no such value");
    const { pattern, sizes } = own?.arrange ?? {};
    return compareRow(subject, pattern ? arrange(got, pattern, sizes) : got, want);
  });
}

/** Loss and gradients, in the form that is trained. */
async function verifyGradients(
  golden: GoldenFile,
  { module, forward }: GoldenModel,
  rules: readonly NameRule[],
  runtime: Runtime,
): Promise<readonly VerifyRow[]> {
  const { grads, inputGrads, lossValue, tolerance } = golden;
  if (grads.size + inputGrads.size === 0 && !lossValue) return [];
  const mode = { train: golden.mode.startsWith("train") };
  const parameters = module.parameters();
  const cotangents = [...golden.cotangents].map(([name, array]) => [`cotangent.${name}`, array] as const);
  const feeds = { ...Object.fromEntries(golden.inputs), ...Object.fromEntries(cotangents) };
  const { graph } = traceGraph((given) => {
    const loss = lossOf(golden, forward(given, mode), given);
    const needed = new Set(leavesOf([loss.value]));
    const wrt = [
      ...[...parameters].map(([name, t]) => [`grad.${name}`, t] as const),
      ...[...inputGrads.keys()].flatMap((name) => (given[name] ? [[`grad.input.${name}`, given[name]] as const] : [])),
    ].filter(([, t]) => needed.has(t.value));
    const values = grad(
      loss,
      wrt.map(([, t]) => t),
    );
    return { loss, ...Object.fromEntries(wrt.map(([name], i) => [name, values[i]!])) };
  }, feeds);
  const run = await compileGraph(graph, { runtime, variables: "live" });
  const results = await run.run(feeds).finally(() => run.dispose());

  const named = [...parameters.keys()].flatMap((name) => {
    const got = results[`grad.${name}`];
    return got ? [[name, got] as const] : [];
  });
  const theirs = applyRules(memorySource(named), invertRules(rules));
  const rows: VerifyRow[] = lossValue
    ? [compareRow({ name: "loss", kind: "loss", tolerance }, results.loss!, lossValue)]
    : [];
  for (const [name, want] of grads) rows.push(await gradRow(`grad.${name}`, want, theirs, name));
  const inputSource = memorySource(
    [...inputGrads.keys()].flatMap((name) => {
      const got = results[`grad.input.${name}`];
      return got ? [[name, got] as const] : [];
    }),
  );
  for (const [name, want] of inputGrads) rows.push(await gradRow(`grad.input.${name}`, want, inputSource, name));
  return rows;

  async function gradRow(label: string, want: NdArray, source: WeightSource, name: string): Promise<VerifyRow> {
    const subject = { name: label, kind: "grad" as const, tolerance };
    return source.has(name)
      ? compareRow(subject, await source.read(name), want)
      : missingRow(subject, want, "we have no such gradient");
  }
}

/**
 * The scalar that the file differentiates.
 * @throws {VitrineError} INVALID_FILE when it says another loss than those of the format.
 */
function lossOf(
  golden: GoldenFile,
  outputs: Readonly<Record<string, Tensor>>,
  given: Readonly<Record<string, Tensor>>,
): Tensor {
  const { logits } = outputs;
  if (/mean cross-entropy of output\.logits against input\.target/.test(golden.loss) && logits && given.target)
    return crossEntropy(logits, given.target);
  const named = outputs[/^output\.([\w.]+)/.exec(golden.loss)?.[1] ?? ""];
  if (named?.rank === 0) return named;
  const products = [...golden.cotangents.keys()].map((name) => {
    const [output, cotangent] = [outputs[name], given[`cotangent.${name}`]];
    return output && cotangent ? sum(output.mul(cotangent)) : undefined;
  });
  if (products.length > 0 && products.every((product) => product !== undefined))
    return (products as readonly Tensor[]).reduce((total, product) => total.add(product));
  throw new VitrineError("INVALID_FILE", {
    rule: "a case's loss must be the mean cross-entropy of output.logits against input.target, an output, or the sum of outputs times cotangents",
    evidence: `got "${golden.loss}"`,
    place: golden.case,
  });
}
