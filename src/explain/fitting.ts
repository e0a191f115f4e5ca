/** Which methods make sense for a model: its taps and weights tell. */

import { VitrineError } from "../errors.ts";
import { input, trace } from "../tensor/index.ts";
import { filtersOf } from "./filters.ts";
import { innerTap, windowsTap } from "./look.ts";
import { type MethodName, methodNames, methods } from "./methods.ts";
import { positionsOf } from "./positions.ts";
import type { Subject } from "./subject.ts";

/** Whether a model has what a method needs. */
type Fit = (subject: Subject, taps: readonly string[]) => boolean;

const ordered: Fit = (subject) => subject.ordered;
const explainsClass = (method: MethodName): boolean => methods[method].choices.includes("class");

const fits: Readonly<Record<MethodName, Fit>> = {
  relevance: ordered,
  "grad-cam": (subject) => subject.ordered || subject.stages.length > 0,
  "integrated-gradients": () => true,
  attention: ordered,
  "inner-attention": (_, taps) => taps.some((name) => innerTap.test(name)),
  "window-attention": (_, taps) => taps.some((name) => windowsTap.test(name)),
  stages: (subject) => subject.stages.length > 0,
  rollout: ordered,
  "attention-distance": ordered,
  positions: (subject) => subject.ordered && positionsOf(subject) !== undefined,
  filters: (subject) => filtersOf(subject) !== undefined,
};

/**
 * The methods that make sense for a model, in the order in which they are taken without a choice.
 * @param shape of an image, [c, H, W]
 */
export function fittingMethods(subject: Subject, shape: readonly number[]): readonly MethodName[] {
  const taps = [...trace(() => subject.forward(input("images", [1, ...shape]))).taps.keys()];
  return methodNames.filter((method) => (subject.hasClasses || !explainsClass(method)) && fits[method](subject, taps));
}

/**
 * The method that was asked for, or the first that fits.
 * @param shape of an image, [c, H, W]
 * @throws {VitrineError} INVALID_ARGUMENT for a method that makes no sense for the model, with those that do.
 */
export function fittingMethod(subject: Subject, shape: readonly number[], asked: MethodName | undefined): MethodName {
  const fitting = fittingMethods(subject, shape);
  const method = asked ?? fitting[0]!;
  if (fitting.includes(method)) return method;
  const needs =
    !subject.hasClasses && explainsClass(method) ? "a head, whose classes it explains" : methods[method].needs;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `${method}: the model must have ${needs}`,
    evidence: `${subject.name} has none`,
    next: `choose ${fitting.join(", ")}`,
  });
}
