/**
 * The tests of operators, layers, losses, optimisers and whole models beside their references, run once more in the browser on WebAssembly: the
 * same files, with Node's engine and disk exchanged for the page's.
 */

import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { callCheck, hasChromium, openPage } from "./harness.ts";

const here = (path: string): URL => new URL(path, import.meta.url);
const standIns = new Map([
  ["vitest", here("in-page/vitest.ts")],
  ["node:fs", here("in-page/node-fs.ts")],
  ["node:url", here("in-page/node-url.ts")],
  [fileURLToPath(here("../../src/runtime/node.ts")), here("in-page/node-runtime.ts")],
  [fileURLToPath(here("../../src/data/decode-node.ts")), here("in-page/decode-node.ts")],
]);

const open = hasChromium ? await openPage(here("suite-page.ts"), { standIns }) : undefined;
const names = open
  ? await callCheck<readonly { name: string; skipped: boolean }[]>(open.page, "names")
  : [{ name: "there is no browser", skipped: true }];

describe("in a browser, on WebAssembly", () => {
  afterAll(() => open?.close());

  for (const [index, { name, skipped }] of names.entries())
    test.skipIf(skipped)(name, async () => {
      expect(await callCheck(open!.page, "run", String(index))).toBe("passed");
    });
});
