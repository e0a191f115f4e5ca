import fc from "fast-check";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { memoryBytes } from "../../src/weights/byte-source.ts";
import { npzSource, readNpy } from "../../src/weights/npz.ts";
import { openNpz } from "../../src/weights/npz-node.ts";
import { openSafetensors } from "../../src/weights/safetensors-node.ts";
import { readAll } from "../../src/weights/source.ts";
import { bitsOf, fixtureBytes, fixturePath, thrown } from "./fixture.ts";

test.each(["stored.npz", "deflated.npz"])("%s holds what NumPy saved, bit for bit", async (name) => {
  const source = await openNpz(fixturePath(name));
  const expected = await openSafetensors(fixturePath("npz.safetensors"));
  expect(bitsOf(await readAll(source))).toEqual(bitsOf(await readAll(expected)));
  expect(source.info("fortran")).toEqual({ dtype: "float32", shape: [2, 3, 4] });
  expect(source.has("path/with/slashes")).toBe(true);
  await expect(source.read("none")).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await source.close();
  await expected.close();
});

test("object arrays are refused, wherever they come from", async () => {
  await expect(openNpz(fixturePath("objects.npz"))).rejects.toMatchObject({
    code: "UNSAFE_FILE",
    message: expect.stringContaining("|O"),
  });
});

/** A `.npy` file with this header literal and so many bytes of values. */
function npy(
  literal: string,
  data = 0,
  version: readonly [number, number] = [1, 0],
  length = literal.length,
): Uint8Array {
  const wide = version[0] > 1;
  const out = new Uint8Array((wide ? 12 : 10) + literal.length + data);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, ...version]);
  const view = new DataView(out.buffer);
  if (wide) view.setUint32(8, length, true);
  else view.setUint16(8, length, true);
  out.set(
    Uint8Array.from(literal, (c) => c.charCodeAt(0)),
    wide ? 12 : 10,
  );
  return out;
}
const header = (descr: string, order: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }   \n`;

test("headers of every version, quote and order of keys are read", () => {
  const zero = ndarray("float32", [1], [0]);
  for (const version of [
    [1, 0],
    [2, 0],
    [3, 0],
  ] as const)
    expect(readNpy(npy(header("'<f4'", "False", "(1,)"), 4, version), "m")).toEqual(zero);
  expect(readNpy(npy(`{"shape":(1,),"descr":"<f4","fortran_order":True}`, 4), "m")).toEqual(zero);
  expect(readNpy(npy(header("'|b1'", "False", "()"), 1), "m")).toEqual(ndarray("bool", [], [0]));
  expect(readNpy(npy(header("'<i8'", "False", "(0, 3)")), "m").shape).toEqual([0, 3]);
  expect(readNpy(npy(header("'|i1'", "True", "(2, 2)"), 4), "m").shape).toEqual([2, 2]);
});

const f4 = "'<f4'";
const hostile: Record<string, [Uint8Array, RegExp]> = {
  "an empty file": [new Uint8Array(0), /NumPy's mark/],
  "another mark": [new Uint8Array(20), /NumPy's mark/],
  "version 4": [npy(header(f4, "False", "(1,)"), 4, [4, 0]), /got 4.0/],
  "version 1.1": [npy(header(f4, "False", "(1,)"), 4, [1, 1]), /got 1.1/],
  "a file that ends in the header length": [npy("").slice(0, 9), /end early/],
  "a header beyond the end": [npy("{}", 0, [1, 0], 200), /end early/],
  "a header of 4 GB": [npy("{}", 0, [2, 0], 0xffffffff), /10000 bytes/],
  "an empty header": [npy(""), /dict of descr/],
  "no dict": [npy("[1]"), /dict of descr/],
  "a missing key": [npy(`{'descr': ${f4}, 'shape': (1,)}`, 4), /missing key/],
  "a key too many": [npy(`{'descr': ${f4}, 'fortran_order': False, 'shape': (1,), 'x': 1}`, 4), /unexpected 'x'/],
  "a key twice": [
    npy(`{'descr': ${f4}, 'descr': ${f4}, 'fortran_order': False, 'shape': (1,)}`, 4),
    /unexpected 'descr'/,
  ],
  "text after the dict": [npy(`${header(f4, "False", "(1,)")}x`, 4), /text after/],
  "an expression": [npy(header("__import__('os')", "False", "(1,)"), 4), /dict of descr/],
  "an escape": [npy(header("'\\x3cf4'", "False", "(1,)"), 4), /dict of descr/],
  "a structured type": [npy(header("[('a', '<f4')]", "False", "(1,)"), 4), /dict of descr/],
  "an object type": [npy(header("'|O'", "False", "(1,)"), 8), /not Python objects/],
  "an object type with a size": [npy(header("'|O8'", "False", "(1,)"), 8), /not Python objects/],
  "a text type": [npy(header("'<U4'", "False", "(1,)"), 16), /got "<U4"/],
  "a complex type": [npy(header("'<c8'", "False", "(1,)"), 8), /got "<c8"/],
  "a long double": [npy(header("'<f16'", "False", "(1,)"), 16), /got "<f16"/],
  "a type of three bytes": [npy(header("'<i3'", "False", "(1,)"), 3), /got "<i3"/],
  "an order that is a number": [npy(header(f4, "0", "(1,)"), 4), /unexpected 0/],
  "a negative size": [npy(header(f4, "False", "(-1,)"), 4), /dict of descr/],
  "a size that is a float": [npy(header(f4, "False", "(1.0,)"), 4), /dict of descr/],
  "a size that rounds": [npy(header(f4, "False", "(9007199254740993,)"), 4), /unexpected 9007199254740993/],
  "a size that is a power": [npy(header(f4, "False", "(10**9,)"), 4), /dict of descr/],
  "a number in parentheses": [npy(header(f4, "False", "(1)"), 4), /number in parentheses/],
  "a shape without end": [npy(header(f4, "False", "(1,"), 4), /dict of descr|unexpected/],
  "nested parentheses": [npy(header(f4, "False", `${"(".repeat(4000)}1`), 4), /unexpected \(/],
  "a product beyond 2^53": [npy(header(f4, "False", "(4294967296, 4294967296)"), 4), /exact number/],
  "33 axes": [npy(header(f4, "False", `(${"1, ".repeat(33)})`), 4), /32 axes/],
  "values that end early": [npy(header(f4, "False", "(2,)"), 7), /needs 8, has 7/],
  "values left over": [npy(header(f4, "False", "(2,)"), 9), /needs 8, has 9/],
};

test(`each of ${Object.keys(hostile).length} hostile arrays is refused by the rule it breaks, alone and in an archive`, async () => {
  for (const [name, [bytes, rule]] of Object.entries(hostile)) {
    const error = await thrown(() => readNpy(bytes, "m.npy"));
    expect(error, name).toMatchObject({
      name: "VitrineError",
      code: expect.stringMatching(/^(INVALID_FILE|UNSAFE_FILE|DTYPE_MISMATCH)$/),
    });
    expect(String(error), name).toMatch(rule);
    for (const level of [0, 9] as const)
      expect(String(await thrown(() => npzSource(memoryBytes(zipSync({ "a.npy": bytes }, { level }))))), name).toMatch(
        rule,
      );
  }
});

test("any mutation of an archive is read or refused in words, never a crash", async () => {
  for (const file of ["stored.npz", "deflated.npz"]) {
    const bytes = fixtureBytes(file);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (edits) => {
          const mutant = bytes.slice();
          for (const [at, value] of edits) mutant[at] = value;
          try {
            await readAll(await npzSource(memoryBytes(mutant)));
          } catch (error) {
            expect(error).toMatchObject({ name: "VitrineError" });
          }
        },
      ),
      { numRuns: 1000 },
    );
  }
});
