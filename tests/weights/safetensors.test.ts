import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate, type DType, type NdArray, ndarray, sizeOf } from "../../src/graph/dtype.ts";
import { memoryBytes } from "../../src/weights/byte-source.ts";
import {
  parseSafetensorsHeader,
  readSafetensors,
  safetensorsSource,
  writeSafetensors,
} from "../../src/weights/safetensors.ts";
import { bitsOf, fixtureBytes, thrown } from "./fixture.ts";

test("a file of every type is written as the reference writer wrote it, byte for byte", () => {
  const bytes = fixtureBytes("every-dtype.safetensors");
  const { tensors, metadata } = readSafetensors(bytes);
  expect(tensors.size).toBe(18);
  expect(metadata).toEqual(new Map([["format", 'pt "quoted" é\x01']]));
  expect(tensors.get('odd "name"\\\té😀')).toEqual(ndarray("float32", [1], [1]));
  expect(tensors.get("scalar")).toEqual(ndarray("float32", [], [3.5]));
  expect(tensors.get("empty")).toEqual(ndarray("float32", [0, 4], []));
  expect(tensors.get("t.bfloat16")).toEqual(ndarray("bfloat16", [2, 3], [0, 3, 6, 2, 5, 1]));
  expect(tensors.get("t.int64")).toEqual(ndarray("int64", [2, 3], [0, 3, 6, 2, 5, 1]));
  const shuffled = [...tensors].reverse();
  expect(Buffer.from(writeSafetensors(shuffled, metadata)).equals(bytes)).toBe(true);
});

const dtypes: DType[] = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
];
const anyArray: fc.Arbitrary<NdArray> = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 }),
    seed: fc.nat(255),
  })
  .map(({ dtype, shape, seed }) => {
    const data = allocate(dtype, sizeOf(shape));
    new Uint8Array(data.buffer).forEach((_, i, all) => {
      all[i] = (i * 37 + seed) % 256;
    });
    return { dtype, shape, data };
  });

test("what is written is read again, and written again it is the same", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => text !== "__metadata__");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, anyArray), { maxLength: 6 }),
      fc.dictionary(name, fc.string({ unit: "grapheme" })),
      (list, pairs) => {
        const tensors = new Map([...list, ["__proto__", ndarray("uint8", [1], [7])]] as [string, NdArray][]);
        const bytes = writeSafetensors(tensors, Object.entries(pairs));
        const again = readSafetensors(bytes);
        expect(bitsOf(again.tensors)).toEqual(bitsOf(tensors));
        expect([...again.metadata]).toEqual(Object.entries(pairs));
        expect(Buffer.from(writeSafetensors(again.tensors, again.metadata)).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test("bytes at an odd place in memory are read all the same", () => {
  const bytes = writeSafetensors([["a", ndarray("float64", [2], [1.5, -2])]]);
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  expect(readSafetensors(shifted.subarray(1)).tensors.get("a")).toEqual(ndarray("float64", [2], [1.5, -2]));
});

test("single tensors and rows are read without the rest", async () => {
  const bytes = writeSafetensors([
    ["a", ndarray("float32", [3, 2], [0, 1, 2, 3, 4, 5])],
    ["b", ndarray("int8", [2], [1, 2])],
  ]);
  const ranges: number[][] = [];
  const inner = memoryBytes(bytes, "m.safetensors");
  const source = await safetensorsSource({
    ...inner,
    read: (offset, length) => {
      ranges.push([offset, length]);
      return inner.read(offset, length);
    },
  });
  ranges.length = 0;
  expect(await source.readRows("a", 1, 3)).toEqual(ndarray("float32", [2, 2], [2, 3, 4, 5]));
  expect(await source.readRows("a", 3, 3)).toEqual(ndarray("float32", [0, 2], []));
  expect(ranges.map(([, length]) => length)).toEqual([16, 0]);
  expect(source.info("b")).toMatchObject({ dtype: "int8", shape: [2] });
  for (const [start, end] of [
    [-1, 1],
    [0, 4],
    [2, 1],
    [0.5, 1],
  ] as const)
    await expect(source.readRows("a", start, end)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(source.read("c")).rejects.toThrow(/no "c" in m.safetensors/);
});

test("a writer's mistakes are told before a byte is written", () => {
  const one = ndarray("float32", [1], [1]);
  expect(() =>
    writeSafetensors([
      ["a", one],
      ["a", one],
    ]),
  ).toThrow(/unique/);
  expect(() => writeSafetensors([["__metadata__", one]])).toThrow(/not __metadata__/);
  expect(() => writeSafetensors([["\ud800", one]])).toThrow(/Unicode/);
  expect(() => writeSafetensors([], [["k", "\udc00"]])).toThrow(/Unicode/);
  expect(() =>
    writeSafetensors(
      [],
      [
        ["k", "a"],
        ["k", "b"],
      ],
    ),
  ).toThrow(/metadata keys/);
  expect(() => writeSafetensors([["a", { ...one, shape: [2] }]])).toThrow(/data must have the elements/);
  expect(() => writeSafetensors([["a", { ...one, dtype: "float64" }]])).toThrow(/data must have the elements/);
});

/** A file with this header text and so many bytes of data. */
function file(header: string | Uint8Array, data = 0, length?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const out = new Uint8Array(8 + json.length + data);
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  out.set(json, 8);
  return out;
}
const tensor = (fields: string, data = 4) => file(`{"a":{${fields}}}`, data);
const good = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';

test("the smallest files are accepted", () => {
  expect(readSafetensors(file("{}")).tensors.size).toBe(0);
  expect(readSafetensors(file("{} \n ")).tensors.size).toBe(0);
  expect(readSafetensors(tensor(good)).tensors.size).toBe(1);
  expect(
    readSafetensors(
      file(
        '{"a":{"dtype":"I64","shape":[0,9],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        1,
      ),
    ).tensors.size,
  ).toBe(2);
  expect(readSafetensors(file(`{"\\u0061":{${good}}}`, 4)).tensors.has("a")).toBe(true);
});

const hostile: Record<string, [Uint8Array, RegExp]> = {
  "an empty file": [new Uint8Array(0), /8 bytes of header length/],
  "seven bytes": [new Uint8Array(7), /8 bytes of header length/],
  "no header": [new Uint8Array(8), /begin with \{/],
  "a header length beyond the file": [file("{}", 0, 3n), /within the file/],
  "a header length of 2^63": [file("{}", 0, 1n << 63n), /within the file/],
  "a header length of 2^64 - 1": [file("{}", 0, (1n << 64n) - 1n), /within the file/],
  "a header over the limit": [file("{}", 25_000_001, 25_000_001n), /25000000 bytes/],
  "bytes that are not UTF-8": [file(new Uint8Array([0x7b, 0xff, 0x7d])), /UTF-8/],
  "a byte order mark": [file("\ufeff{}"), /begin with \{/],
  "a leading space": [file(" {}"), /begin with \{/],
  "an array": [file("[]"), /begin with \{/],
  "text after the object": [file("{}x"), /text after the value/],
  "two objects": [file("{}{}"), /text after the value/],
  "a header cut off": [file('{"a":'), /unique keys/],
  "a comment": [file("{/**/}"), /unique keys/],
  "a comma too many": [file(`{"a":{${good}},}`, 4), /unique keys/],
  "single quotes": [file("{'a':1}"), /unique keys/],
  "a control character in a name": [file('{"a\nb":1}'), /control character/],
  "half a surrogate pair": [file(`{"\\ud800":{${good}}}`, 4), /surrogate/],
  "a bad escape": [file('{"\\x":1}'), /escape/],
  "nesting without end": [file(`{"a":${"[".repeat(100_000)}`), /nesting deeper/],
  "a name twice": [file(`{"a":{${good}},"a":{${good}}}`, 4), /key "a" twice/],
  "a name twice, once escaped": [file(`{"a":{${good}},"\\u0061":{${good}}}`, 4), /key "a" twice/],
  "__proto__ twice": [file(`{"__proto__":{${good}},"__proto__":{${good}}}`, 4), /key "__proto__" twice/],
  "a field twice": [tensor(`"dtype":"F64",${good}`), /key "dtype" twice/],
  "metadata twice": [file('{"__metadata__":{},"__metadata__":{}}'), /twice/],
  "a metadata key twice": [file('{"__metadata__":{"a":"1","a":"2"}}'), /key "a" twice/],
  "metadata that is no object": [file('{"__metadata__":["a"]}'), /must be an object/],
  "metadata null": [file('{"__metadata__":null}'), /must be an object/],
  "a number in the metadata": [file('{"__metadata__":{"a":1}}'), /strings only.*"a"/],
  "an object in the metadata": [file('{"__metadata__":{"a":{}}}'), /strings only/],
  "a tensor that is no object": [file('{"a":[]}'), /tensor must be an object/],
  "a tensor null": [file('{"a":null}'), /tensor must be an object/],
  "an unknown field": [tensor(`${good},"x":1`), /only, got "x"/],
  "no dtype": [tensor('"shape":[1],"data_offsets":[0,4]'), /dtype must be a string/],
  "an unknown dtype": [tensor(good.replace("F32", "F31")), /got "F31"/],
  "a dtype in small letters": [tensor(good.replace("F32", "f32")), /got "f32"/],
  "a prototype's name as dtype": [tensor(good.replace("F32", "constructor")), /got "constructor"/],
  "no shape": [tensor('"dtype":"F32","data_offsets":[0,4]'), /shape must be/],
  "a shape that is a number": [tensor(good.replace("[1]", "1")), /shape must be/],
  "a negative size": [tensor(good.replace("[1]", "[-1]")), /shape must be/],
  "two negative sizes": [tensor(good.replace("[1]", "[-1,-1]")), /shape must be/],
  "a minus zero": [tensor(good.replace("[1]", "[-0]"), 0), /shape must be/],
  "a size of 1.0": [tensor(good.replace("[1]", "[1.0]")), /shape must be/],
  "a size of 1e0": [tensor(good.replace("[1]", "[1e0]")), /shape must be/],
  "a size as text": [tensor(good.replace("[1]", '["1"]')), /shape must be/],
  "a size that rounds": [tensor(good.replace("[1]", "[9007199254740993]")), /shape must be/],
  "a leading zero": [tensor(good.replace("[1]", "[01]")), /unique keys/],
  "a product beyond 2^53": [tensor(good.replace("[1]", "[4294967296,4294967296]")), /exact number/],
  "a product that overflows to a small one": [tensor(good.replace("[1]", "[4611686018427387904,4]")), /shape must be/],
  "one offset": [tensor(good.replace("[0,4]", "[4]")), /two whole numbers/],
  "three offsets": [tensor(good.replace("[0,4]", "[0,4,4]")), /two whole numbers/],
  "a negative offset": [tensor(good.replace("[0,4]", "[-4,0]")), /two whole numbers/],
  "an offset that rounds": [tensor(good.replace("[0,4]", "[0,9007199254740993]")), /two whole numbers/],
  "an end before its beginning": [tensor(good.replace("[0,4]", "[4,0]")), /end after it begins/],
  "fewer bytes than the shape needs": [tensor(good.replace("[0,4]", "[0,3]"), 3), /needs 4, has 3/],
  "more bytes than the shape needs": [tensor(good.replace("[0,4]", "[0,8]"), 8), /needs 4, has 8/],
  "a gap at the beginning": [tensor(good.replace("[0,4]", "[4,8]"), 8), /leave gaps/],
  "a gap between": [file(`{"a":{${good}},"b":{${good.replace("[0,4]", "[8,12]")}}}`, 12), /leave gaps/],
  "an overlap": [file(`{"a":{${good}},"b":{${good.replace("[0,4]", "[2,6]")}}}`, 6), /overlap/],
  "two tensors on the same bytes": [file(`{"a":{${good}},"b":{${good}}}`, 4), /overlap/],
  "data that ends early": [tensor(good, 3), /ends at 4 of 3/],
  "data left over": [tensor(good, 5), /ends at 4 of 5/],
  "an empty tensor beyond the end": [tensor('"dtype":"F32","shape":[0],"data_offsets":[8,8]', 0), /leave gaps/],
};

test(`each of ${Object.keys(hostile).length} broken files is refused by the rule it breaks`, async () => {
  for (const [name, [bytes, rule]] of Object.entries(hostile)) {
    const error = await thrown(() => parseSafetensorsHeader(bytes));
    expect(error, name).toMatchObject({ name: "VitrineError", code: expect.stringMatching(/^(INVALID|UNSAFE)_FILE$/) });
    expect(String(error), name).toMatch(rule);
    expect(await thrown(() => safetensorsSource(memoryBytes(bytes))), name).toEqual(error);
  }
});

test("more tensors than the limit are refused before they cost anything", () => {
  const empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
  const bytes = file(`{${Array.from({ length: 11 }, (_, i) => `"${i}":${empty}`)}}`);
  expect(() => parseSafetensorsHeader(bytes, bytes.length, "m", { headerBytes: 1e6, tensors: 10 })).toThrow(
    expect.objectContaining({ code: "UNSAFE_FILE" }),
  );
  expect(parseSafetensorsHeader(bytes).entries.size).toBe(11);
});

test.each("C64 F8_E4M3 F8_E5M2 F8_E8M0 F6_E2M3 F6_E3M2 F4".split(" "))(
  "the type %s is known and said to be unsupported",
  (dtype) => {
    expect(() => parseSafetensorsHeader(tensor(good.replace("F32", dtype)))).toThrow(
      expect.objectContaining({ code: "DTYPE_MISMATCH", message: expect.stringContaining(`got ${dtype}`) }),
    );
  },
);

test("any mutation of a good file is read or refused in words, never a crash", () => {
  const bytes = fixtureBytes("every-dtype.safetensors");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(bytes.length),
      (edits, cut) => {
        const mutant = bytes.slice(0, cut < 100 ? bytes.length - cut : undefined);
        for (const [at, value] of edits) if (at < mutant.length) mutant[at] = value;
        try {
          readSafetensors(mutant);
        } catch (error) {
          expect(error).toMatchObject({ name: "VitrineError" });
        }
      },
    ),
    { numRuns: 3000 },
  );
});
