/** Classes from labels as they are written: names or numbers. */

import { VitrineError } from "../../errors.ts";

/** Labels are kept in 16 bits. */
const mostClasses = 65_535;

/** Gathers labels as they are written and gives each a number, in the order of their first coming. */
export class LabelCollector {
  readonly #numbers = new Map<string, number>();

  /**
   * The number of a written label.
   * @throws {VitrineError} DATA_PROBLEM beyond 65,535 different ones, as when captions are taken for class names.
   */
  add(written: string, place: string): number {
    const known = this.#numbers.get(written);
    if (known !== undefined) return known;
    if (this.#numbers.size === mostClasses)
      throw new VitrineError("DATA_PROBLEM", {
        rule: `there may be at most ${mostClasses} classes`,
        evidence: `one more is ${JSON.stringify(written.slice(0, 60))}`,
        place,
        next: "the labels must be class names or numbers, not captions",
      });
    this.#numbers.set(written, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** All labels, in the order of their numbers. */
  get written(): readonly string[] {
    return [...this.#numbers.keys()];
  }
}

const isIndex = (label: string): boolean => /^\d{1,9}$/.test(label);

/**
 * Class names from the labels as they are written, and the class of each label.
 *
 * With names given (from a schema or a file), a label is one of them, or a number that counts them from 0. Without, classes are the labels themselves, in the order of
 * their numbers where all are numbers, else of their code points.
 * @throws {VitrineError} DATA_PROBLEM for a label that is not among the names, and for fewer than two classes.
 */
export function classesOf(
  written: readonly string[],
  names: readonly string[] | undefined,
  place: string,
): { readonly classes: readonly string[]; readonly classOf: Uint16Array } {
  const byPoint = (a: string, b: string): number => {
    const [x, y] = [[...a], [...b]];
    for (let i = 0; i < Math.min(x.length, y.length); i++)
      if (x[i] !== y[i]) return x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!;
    return x.length - y.length;
  };
  const sorted = written.every(isIndex)
    ? [...written].sort((a, b) => Number(a) - Number(b) || byPoint(a, b))
    : [...written].sort(byPoint);
  const classes = names ?? sorted;
  if (classes.length < 2)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "there must be at least two classes",
      evidence: classes.length === 0 ? "got none" : `got only ${classes[0]}`,
      place,
    });
  const positions = new Map(classes.map((name, index) => [name, index]));
  const classOf = Uint16Array.from(written, (label) => {
    const found = positions.get(label) ?? (names && isIndex(label) ? Number(label) : undefined);
    if (found === undefined || found >= classes.length)
      throw new VitrineError("DATA_PROBLEM", {
        rule: `a label must be one of the ${classes.length} classes or count them from 0`,
        evidence: `got ${JSON.stringify(label.slice(0, 60))}`,
        place,
        next: `the classes are ${classes.slice(0, 8).join(", ")}${classes.length > 8 ? ", …" : ""}`,
      });
    return found;
  });
  return { classes, classOf };
}
