/** Option values, read strictly: a value outside its range is wrong usage, never silently another value. */

import { InvalidArgumentError } from "commander";

/** A whole number in decimal digits, `min` to `max`. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

/** A finite number above zero: `0.001`, `1e-3`. */
export function positiveNumber(text: string): number {
  const value = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** A number from 0 to below 1. */
export function shareBelowOne(text: string): number {
  const value = /^(0|0?\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0) return value;
  throw new InvalidArgumentError("It must be a number from 0 to below 1.");
}

/** A row and a column from 0: `3,5`. */
export function gridPlace(text: string): readonly [number, number] {
  const match = /^(\d{1,6}),(\d{1,6})$/.exec(text);
  if (match) return [Number(match[1]), Number(match[2])];
  throw new InvalidArgumentError("It must be a row and a column from 0, as 3,5.");
}

/** A finite number from zero up. */
export function zeroOrMore(text: string): number {
  const value = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number from 0 up.");
}

/** A number above 0, at most 1. */
export function shareUpToOne(text: string): number {
  const value = /^(1|1\.0*|0?\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError("It must be a number above 0, at most 1.");
}
