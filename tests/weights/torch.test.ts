import fc from "fast-check";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { memoryBytes } from "../../src/weights/byte-source.ts";
import { PickleTuple } from "../../src/weights/pickle.ts";
import { openSafetensors } from "../../src/weights/safetensors-node.ts";
import { readAll } from "../../src/weights/source.ts";
import { stateDict, TorchTensor, torchFile, torchSource } from "../../src/weights/torch.ts";
import { openTorch } from "../../src/weights/torch-node.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { bitsOf, fixtureBytes, fixturePath, thrown } from "./fixture.ts";

async function expectTwin(path: string, twin: string): Promise<void> {
  const file = torchSource(await openTorch(path));
  const expected = await openSafetensors(twin);
  expect([...file.names()].sort()).toEqual([...expected.names()].sort());
  expect(bitsOf(await readAll(file))).toEqual(bitsOf(await readAll(expected)));
  for (const name of expected.names()) expect(file.info(name).shape).toEqual(expected.info(name).shape);
  await file.close();
  await expected.close();
}

test.each([
  ["torch-dtypes", "torch-dtypes"],
  ["torch-views", "torch-views"],
  ["torch-wrapped", "torch-wrapped"],
  ["torch-parameters", "torch-parameters"],
  ["torch-protocol3", "torch-parameters"],
  ["torch-protocol4", "torch-parameters"],
  ["torch-protocol5", "torch-parameters"],
])("%s.pt holds what PyTorch saved, bit for bit", async (name, twin) => {
  await expectTwin(fixturePath(`${name}.pt`), fixturePath(`${twin}.safetensors`));
});

test
  .skipIf(!hasShared)
  .each([
    "vit-mnist/vit_371.pt",
    "vit-mnist/vit_455_mlp.pt",
    "vit-mnist/vit_mnist_3class.pt",
    "vit-mnist/vit_mnist_3class_attn_only.pt",
    "vit-mnist/vit_mnist_gpu.pt",
    "vit-cifar10/vit_cifar10.pth",
  ])("the published checkpoint %s equals its safetensors twin, bit for bit", async (name) => {
  const path = sharedPath("data", name);
  await expectTwin(path, path.replace(/\.\w+$/, ".safetensors"));
});

test("what else a checkpoint holds is kept as plain values", async () => {
  const { root } = await torchFile(memoryBytes(fixtureBytes("torch-wrapped.pt")));
  const map = root as ReadonlyMap<unknown, unknown>;
  expect(map.get("epoch")).toBe(3);
  expect(map.get("lr")).toBe(1e-3);
  expect(map.get("big")).toBe(2n ** 80n);
  expect(map.get("done")).toBe(true);
  expect(map.get("none")).toBeNull();
  expect(map.get("tags")).toEqual([
    "a",
    new PickleTuple(["b", 1]),
    new Map([["c", 2.5]]),
    new TextEncoder().encode("bytes"),
  ]);
  expect(map.get("size")).toEqual(new PickleTuple([2, 3]));
});

test("views of one storage read no more than they need", async () => {
  const inner = memoryBytes(fixtureBytes("torch-views.pt"));
  const lengths: number[] = [];
  const file = await torchFile({
    ...inner,
    read: (offset, length) => {
      lengths.push(length);
      return inner.read(offset, length);
    },
  });
  lengths.length = 0;
  await file.read(stateDict(file.root, "").get("row")!);
  expect(lengths.at(-1)).toBe(6 * 4);
});

test("modules, legacy files and files of other kinds are refused with advice", async () => {
  const refuse = async (bytes: Uint8Array) => String(await thrown(() => torchFile(memoryBytes(bytes))));
  expect(await refuse(fixtureBytes("torch-module.pt"))).toMatch(
    /got "torch.nn.modules.container Sequential".*save the weights alone/,
  );
  expect(await refuse(fixtureBytes("torch-legacy.pt"))).toMatch(/zip archive \(PyTorch 1.6 or later\).*save it again/);
  expect(await refuse(fixtureBytes("stored.npz"))).toMatch(/one data.pkl, got 0/);
  expect(await refuse(new Uint8Array(0))).toMatch(/zip archive/);
});

const encode = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const u32 = (value: number) =>
  String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255);
const str = (text: string) => `X${u32(text.length)}${text}`;
const int = (value: number) => `J${u32(value)}`;
const name = (module: string, leaf: string) => `c${module}\n${leaf}\n`;
const tuple = (...items: string[]) => `(${items.join("")}t`;
const storage = (key = "0", numel = 4, type = "FloatStorage") =>
  `${tuple(str("storage"), name("torch", type), str(key), str("cpu"), int(numel))}Q`;
const rebuild = (of: string, offset: string, size: string, stride: string) =>
  `${name("torch._utils", "_rebuild_tensor_v2")}${tuple(of, offset, size, stride, "\x89", `${name("collections", "OrderedDict")})R`)}R`;
const tensor = (shape: number[], strides: number[], offset = 0, of = storage()) =>
  rebuild(of, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)));
const dict = (value: string) => `}${str("w")}${value}s`;

/** A checkpoint with this pickle (after PROTO, before STOP) and one storage of four floats. */
function checkpoint(pickle: string, files: Record<string, Uint8Array> = {}, level: 0 | 9 = 0): Uint8Array {
  const all = {
    "m/data.pkl": encode(`\x80\x02${pickle}.`),
    "m/byteorder": encode("little"),
    "m/data/0": new Uint8Array(16),
    ...files,
  };
  return zipSync(all, { level });
}

test("the smallest checkpoints are read", async () => {
  const source = torchSource(await torchFile(memoryBytes(checkpoint(dict(tensor([2, 2], [1, 2]))))));
  expect(await source.read("w")).toMatchObject({ shape: [2, 2], data: new Float32Array(4) });
  const { root } = await torchFile(memoryBytes(checkpoint(str("a"))));
  expect(root).toBe("a");
});

test("settings beside the weights, as training scripts save them, are no hindrance", async () => {
  const settings = `${name("argparse", "Namespace")})\x81}${str("lr")}K\x01sb`;
  const { root } = await torchFile(
    memoryBytes(checkpoint(`}(${str("model")}${dict(tensor([4], [1]))}${str("args")}${settings}u`)),
  );
  expect([...stateDict(root, "").keys()]).toEqual(["w"]);
});

test("a tensor of the whole storage, with an empty or a one-element axis, may have any stride", async () => {
  for (const [shape, strides] of [
    [
      [0, 9],
      [1, 1],
    ],
    [
      [1, 4],
      [99, 1],
    ],
    [[4], [0]],
    [[], []],
  ] as [number[], number[]][]) {
    const source = torchSource(await torchFile(memoryBytes(checkpoint(dict(tensor(shape, strides))))));
    expect((await source.read("w")).shape).toEqual(shape);
  }
});

const hostile: Record<string, [string | Uint8Array, RegExp]> = {
  "os.system": [`${name("os", "system")}${tuple(str("id"))}R`, /got "os system"/],
  "posix.system": [`${name("posix", "system")}${tuple(str("id"))}R`, /got "posix system"/],
  "nt.system": [`${name("nt", "system")}${tuple(str("id"))}R`, /got "nt system"/],
  "builtins.eval": [`${name("builtins", "eval")}${tuple(str("1"))}R`, /got "builtins eval"/],
  "__builtin__.getattr": [`${name("__builtin__", "getattr")}${tuple(str("1"))}R`, /getattr/],
  "subprocess.Popen": [name("subprocess", "Popen"), /Popen/],
  "torch.load": [name("torch", "load"), /got "torch load"/],
  "torch.hub.load": [name("torch.hub", "load"), /torch.hub load/],
  "a nested global name": [name("torch", "serialization.os.system"), /serialization.os.system/],
  "a name by STACK_GLOBAL": [`${str("os")}${str("system")}\x93`, /got "os system"/],
  "a nested name by STACK_GLOBAL": [`${str("collections")}${str("OrderedDict.__init__")}\x93`, /OrderedDict.__init__/],
  "a name made of a number": [`${int(1)}${str("x")}\x93`, /got "no name"/],
  "a name with a space in its module": [
    `${str("collections OrderedDict")}${str("")}\x93`,
    /got "collections OrderedDict "/,
  ],
  INST: ["(ios\nsystem\n", /got 0x69/],
  OBJ: ["(o", /got 0x6f/],
  EXT1: ["\x82\x01", /got 0x82/],
  NEWOBJ_EX: ["\x92", /got 0x92/],
  BYTEARRAY8: ["\x96", /got 0x96/],
  NEXT_BUFFER: ["\x97", /got 0x97/],
  "a text PERSID": ["P1\n", /got 0x50/],
  DUP: ["]2", /got 0x32/],
  "REDUCE of a string": [`${str("os")})R`, /known name can be applied, got string/],
  "REDUCE of a dict": ["})R", /got a dict/],
  "REDUCE with a list": [`${name("collections", "OrderedDict")}]R`, /arguments must be a tuple/],
  "REDUCE of a storage type": [`${name("torch", "FloatStorage")})R`, /only as weights files do, torch FloatStorage/],
  "OrderedDict of arguments": [
    `${name("collections", "OrderedDict")}${tuple("]")}R`,
    /collections OrderedDict of a list/,
  ],
  "encode into another codec": [`${name("_codecs", "encode")}${tuple(str("a"), str("rot13"))}R`, /_codecs encode/],
  "NEWOBJ of a list": ["])\x81", /got a list/],
  "BUILD on a list": ["]}b", /attributes can be set on a dict only/],
  "BUILD on a tensor": [`${tensor([1], [1])}}b`, /attributes/],
  "BUILD on a name": [`${name("torch", "FloatStorage")}}b`, /attributes/],
  "BUILD with a tuple": ["})b", /attributes/],
  "SETITEM into a list": ["]K\x00K\x01s", /set in a dict only, got a list/],
  "SETITEM into a tensor": [`${tensor([1], [1])}K\x00K\x01s`, /dict only/],
  "SETITEMS in odd number": ["}(K\x00u", /pairs/],
  "a dict as a key": ["}}K\x01s", /key must be a string or a number, got a dict/],
  "a key twice": [`}(${str("a")}N${str("a")}Nu`, /key must be unique, a/],
  "APPEND to a dict": ["}K\x00a", /list only, got a dict/],
  "APPENDS to a tuple": [")(K\x00e", /list only, got a tuple/],
  "a stack underflow": ["\x86", /stack must hold/],
  "STOP on nothing": ["", /stack must hold/],
  "two values left": ["NN", /one value must be left/],
  "a mark left": ["N(", /stack must hold/],
  "taking below a mark": ["N(\x85", /stack must hold/],
  "a mark missing": ["t", /mark must come before/],
  "a memo entry missing": ["h\x07", /no entry 7/],
  "PROTO again": ["\x80\x02N", /said once/],
  "a string beyond the end": [`X${u32(1000)}a`, /end early/],
  "a string of 2^63": ["\x8d\0\0\0\0\0\0\0\x80", /end early/],
  "a string that is not UTF-8": ["\x8c\x01\xff", /UTF-8/],
  "an integer of 2000 bytes": [`\x8b${u32(2000)}${"\0".repeat(2000)}`, /1024 bytes/],
  "an endless name": [`c${"x".repeat(300)}`, /end within its line/],
  "a persistent id that is a string": [`${str("storage")}Q`, /must name a storage/],
  "a persistent id of another kind": [
    `${tuple(str("module"), name("torch", "FloatStorage"), str("0"), str("cpu"), int(4))}Q`,
    /must name a storage/,
  ],
  "a storage of a name that is no storage": [
    `${tuple(str("storage"), name("torch", "float32"), str("0"), str("cpu"), int(4))}Q`,
    /must name a storage/,
  ],
  "a storage of negative length": [storage("0", -4), /must name a storage/],
  "a tensor of a string": [rebuild(str("x"), int(0), tuple(), tuple()), /_rebuild_tensor_v2/],
  "a negative stride": [tensor([2], [-1]), /_rebuild_tensor_v2/],
  "a negative offset": [tensor([1], [1], -1), /_rebuild_tensor_v2/],
  "a negative size": [tensor([-1], [1]), /_rebuild_tensor_v2/],
  "two negative sizes": [tensor([-2, -2], [1, 1]), /_rebuild_tensor_v2/],
  "a view beyond the storage": [tensor([5], [1]), /_rebuild_tensor_v2/],
  "an offset beyond the storage": [tensor([1], [1], 4), /_rebuild_tensor_v2/],
  "strides beyond the storage": [tensor([2, 2], [3, 1]), /_rebuild_tensor_v2/],
  "strides that overflow": [tensor([2, 2], [0x7fffffff, 0x7fffffff]), /_rebuild_tensor_v2/],
  "more strides than sizes": [tensor([1], [1, 1]), /_rebuild_tensor_v2/],
  "seventeen axes": [tensor(Array(17).fill(1), Array(17).fill(1)), /_rebuild_tensor_v2/],
  "a size that is a float": [
    rebuild(storage(), int(0), tuple(`G${"\x3f\xf8\0\0\0\0\0\0"}`), tuple(int(1))),
    /_rebuild_tensor_v2/,
  ],
  "sizes in a list": [rebuild(storage(), int(0), "]", tuple()), /_rebuild_tensor_v2/],
  "a parameter of no tensor": [
    `${name("torch._utils", "_rebuild_parameter")}${tuple("N", "\x88", "N")}R`,
    /_rebuild_parameter/,
  ],
  "a pickle without PROTO": [zipSync({ "m/data.pkl": encode("N.") }, { level: 0 }), /begin with its protocol/],
  "a pickle of protocol 0": [zipSync({ "m/data.pkl": encode("\x80\x00N.") }, { level: 0 }), /2 to 5/],
  "an empty pickle": [zipSync({ "m/data.pkl": new Uint8Array(0) }, { level: 0 }), /begin with its protocol/],
  "a pickle without STOP": [zipSync({ "m/data.pkl": encode("\x80\x02N") }, { level: 0 }), /end early/],
  "two pickles": [checkpoint("N", { "n/data.pkl": encode("\x80\x02N.") }), /one data.pkl, got 2/],
  "a TorchScript program": [checkpoint("N", { "m/code/a.py": encode("") }), /not a program/],
  "big-endian storages": [checkpoint("N", { "m/byteorder": encode("big") }), /little-endian/],
  "a deflated pickle": [checkpoint(str("a".repeat(1000)), {}, 9), /must be stored/],
  "a list of nothing but marks": [`${"(".repeat(1_000_001)}`, /1000000 marks/],
  "a deep stack": ["N".repeat(1_000_001), /stack may hold 1000000/],
};

test(`each of ${Object.keys(hostile).length} hostile checkpoints is refused by the rule it breaks`, async () => {
  for (const [name, [made, rule]] of Object.entries(hostile)) {
    const error = await thrown(() => torchFile(memoryBytes(typeof made === "string" ? checkpoint(made) : made)));
    expect(error, name).toMatchObject({ name: "VitrineError", code: expect.stringMatching(/^(INVALID|UNSAFE)_FILE$/) });
    expect(String(error), name).toMatch(rule);
  }
});

test("a storage that is missing, of another size or compressed is refused when it is read", async () => {
  const read = async (bytes: Uint8Array) =>
    String(await thrown(async () => torchSource(await torchFile(memoryBytes(bytes))).read("w")));
  expect(await read(checkpoint(dict(tensor([1], [1], 0, storage("9")))))).toMatch(/no "9"/);
  expect(await read(checkpoint(dict(tensor([1], [1], 0, storage("../0")))))).toMatch(/no "..\/0"/);
  expect(await read(checkpoint(dict(tensor([1], [1])), { "m/data/0": new Uint8Array(12) }))).toMatch(
    /needs 16, has 12/,
  );
  expect(await read(checkpoint(dict(tensor([9], [1], 0, storage("0", 9)))))).toMatch(/needs 36, has 16/);
});

test("a small file cannot ask for much memory by repeating a value", async () => {
  const bytes = checkpoint(dict(tensor([1 << 15, 1 << 15], [0, 0])));
  const error = await thrown(async () => torchSource(await torchFile(memoryBytes(bytes))));
  expect(error).toMatchObject({ code: "UNSAFE_FILE", message: expect.stringContaining("4294967296") });
});

test("the state dict is found at the root or under a known key, and nowhere else", async () => {
  const root = async (pickle: string) => (await torchFile(memoryBytes(checkpoint(pickle)))).root;
  const one = tensor([1], [1]);
  const under = (key: string, value: string) => `}${str(key)}${value}s`;
  expect([...stateDict(await root(dict(one)), "").keys()]).toEqual(["w"]);
  expect([...stateDict(await root(under("model", dict(one))), "").keys()]).toEqual(["w"]);
  expect([...stateDict(await root(under("model", under("state_dict", dict(one)))), "").values()][0]).toBeInstanceOf(
    TorchTensor,
  );
  for (const pickle of ["N", "}", "]", under("other", dict(one)), under("model", "N"), one])
    expect(String(await thrown(async () => stateDict(await root(pickle), "m.pt")))).toMatch(
      /dict of tensors, or hold one under .* in m.pt/,
    );
});

test("any mutation of a checkpoint is read or refused in words, never a crash", async () => {
  const bytes = fixtureBytes("torch-wrapped.pt");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      async (edits) => {
        const mutant = bytes.slice();
        for (const [at, value] of edits) mutant[at] = value;
        try {
          await readAll(torchSource(await torchFile(memoryBytes(mutant))));
        } catch (error) {
          expect(error).toMatchObject({ name: "VitrineError" });
        }
      },
    ),
    { numRuns: 3000 },
  );
});
