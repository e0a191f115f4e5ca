/** Whether a file's weights are a model's: by name and shape, strictly, all differences in one message. */

import { VitrineError } from "../errors.ts";
import { unknownTensor, type WeightSource } from "./source.ts";

/** How weights differ from what a model expects; names sorted. */
export interface WeightDifferences {
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly wrongShape: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly got: readonly number[];
  }[];
}

/** Names listed of each kind before "and … more". */
const listed = 20;

/** A pattern of names in which `*` stands for any text. */
function matchesAny(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`),
  );
  return (name) => expressions.some((expression) => expression.test(name));
}

/**
 * The differences between a model's parameters and a source.
 * @param ignore - Name patterns (`"head.*"`) that are compared on neither side.
 */
export function compareWeights(
  expected: Iterable<readonly [string, readonly number[]]>,
  source: WeightSource,
  ignore: readonly string[] = [],
): WeightDifferences {
  const ignored = matchesAny(ignore);
  const wanted = new Map([...expected].filter(([name]) => !ignored(name)));
  const missing: string[] = [];
  const wrongShape: { name: string; expected: readonly number[]; got: readonly number[] }[] = [];
  for (const [name, shape] of wanted) {
    if (!source.has(name)) {
      missing.push(name);
      continue;
    }
    const got = source.info(name).shape;
    if (got.length !== shape.length || got.some((size, axis) => size !== shape[axis]))
      wrongShape.push({ name, expected: shape, got });
  }
  const extra = [...source.names()].filter((name) => !wanted.has(name) && !ignored(name));
  return {
    missing: missing.sort(),
    extra: extra.sort(),
    wrongShape: wrongShape.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/**
 * The weights of a model, checked: exactly the expected names, each of its shape. Values are still read one by one.
 * @param ignore - Name patterns (`"head.*"`) that may be missing, extra or of other shapes; the result does not have them.
 * @throws {VitrineError} WEIGHTS_MISMATCH that says what is missing, extra or of wrong shape; `details` has the complete lists.
 */
export function matchWeights(
  expected: Iterable<readonly [string, readonly number[]]>,
  source: WeightSource,
  ignore: readonly string[] = [],
): WeightSource {
  const wanted = [...expected];
  const { missing, extra, wrongShape } = compareWeights(wanted, source, ignore);
  const kinds = [
    describe("missing", missing),
    describe("not in the model", extra),
    describe(
      "of another shape",
      wrongShape.map(({ name, expected, got }) => `${name} [${got.join(", ")}] for [${expected.join(", ")}]`),
    ),
  ].filter((kind) => kind !== "");
  if (kinds.length > 0)
    throw new VitrineError("WEIGHTS_MISMATCH", {
      rule: "weights must have the names and shapes of the model",
      evidence: kinds.join("; "),
      place: source.place,
      next:
        missing.length === wanted.length
          ? "no name fits: the file is for another architecture or uses another naming"
          : wrongShape.length > 0 && missing.length + extra.length === 0
            ? "build the model with the file's sizes, or leave these weights out"
            : "choose the architecture that the file was made for",
      details: { missing, extra, wrongShape },
    });
  const ignored = matchesAny(ignore);
  const names = wanted.map(([name]) => name).filter((name) => !ignored(name));
  const known = new Set(names);
  const require = (name: string): string => {
    if (!known.has(name)) throw unknownTensor(name, source.place);
    return name;
  };
  return {
    place: source.place,
    names: () => names,
    has: (name) => known.has(name),
    info: (name) => source.info(require(name)),
    read: async (name) => source.read(require(name)),
    close: () => source.close(),
  };
}

function describe(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const rest = names.length > listed ? ` … and ${names.length - listed} more` : "";
  return `${names.length} ${what}: ${names.slice(0, listed).join(", ")}${rest}`;
}
