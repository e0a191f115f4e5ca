import { afterEach, expect, test, vi } from "vitest";
import { instantiate } from "../../src/graph/instantiate.ts";
import { fillKeep } from "../../src/graph/keep.ts";
import { code } from "../../src/graph/keep-code.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("code is compiled where that can be done, so that other tests test it", () => {
  expect(instantiate<{ readonly keep: unknown }>(code)?.keep).toBeTypeOf("function");
});

test("code that the machine does not know is none", () => {
  expect(instantiate(btoa("\0asm\x01\0\0\0?"))).toBeNull();
});

const forbidding = {
  Module: class {
    constructor() {
      throw new Error("forbidden");
    }
  },
};

test.each([
  ["a page forbids to compile", forbidding],
  ["there is no WebAssembly", undefined],
])("where %s, JavaScript draws the same masks", async (_, webAssembly) => {
  const draw = (fill: typeof fillKeep): readonly Float32Array[] =>
    [0.9, 0.5, 1 / 3, 1].map((keep) => fill([5, 6], new Float32Array(10_001), keep));
  const before = draw(fillKeep);
  vi.stubGlobal("WebAssembly", webAssembly);
  vi.resetModules();
  expect(instantiate(code)).toBeNull();
  const alone = await import("../../src/graph/keep.ts");
  expect(alone.fillKeep).not.toBe(fillKeep);
  expect(draw(alone.fillKeep)).toEqual(before);
});
