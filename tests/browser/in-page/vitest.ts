/** vitest on a page: collects tests, so that they can be run one by one from outside. The matchers are vitest's own. */

import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import * as chai from "chai";

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const expect: Chai.ExpectStatic = chai.expect;

type Run = (...args: readonly unknown[]) => unknown;

export interface CollectedTest {
  readonly name: string;
  readonly skipped: boolean;
  readonly run: () => unknown;
}

/** Tests in the order in which the files define them. */
export const collected: CollectedTest[] = [];

/** Names of tests begin with the file's, set before it is imported. */
export const scope = { file: "" };

interface Test {
  (name: string, run: Run): void;
  skipIf(condition: boolean): Test;
  each(cases: readonly unknown[]): (name: string, run: Run) => void;
  for(cases: readonly unknown[]): (name: string, run: Run) => void;
}

function testWhere(skipped: boolean): Test {
  const add = (name: string, run: () => unknown): void => {
    collected.push({ name: `${scope.file}: ${name}`, skipped, run });
  };
  const one = (name: string, run: Run, args: readonly unknown[]): void => {
    const parts = [...args];
    const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
    add(
      name
        .replace(/%[sd]/g, () => String(parts.shift()))
        .replace(/\$(\w+)/g, (_, key: string) => text((args[0] as Readonly<Record<string, unknown>>)[key])),
      () => run(...args),
    );
  };
  return Object.assign(add, {
    skipIf: (condition: boolean) => testWhere(skipped || condition),
    each: (cases: readonly unknown[]) => (name: string, run: Run) => {
      for (const item of cases) one(name, run, Array.isArray(item) ? item : [item]);
    },
    for: (cases: readonly unknown[]) => (name: string, run: Run) => {
      for (const item of cases) one(name, run, [item]);
    },
  });
}

export const test: Test = testWhere(false);
