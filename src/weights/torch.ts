/**
 * PyTorch checkpoints since 1.6: a zip archive of `<root>/data.pkl`, `<root>/data/<key>` for each storage, and `byteorder`.
 * The pickle is read by the restricted reader; a tensor is a view (offset, sizes, strides) of a storage that several may share.
 *
 * References: `torch/serialization.py`, `torch/_utils.py` (`_rebuild_tensor_v2`, `_v3`, `_rebuild_parameter`).
 */

import { VitrineError } from "../errors.ts";
import { allocate, bytesPerElement, type DType, type NdArray, sizeOf, viewBytes } from "../graph/dtype.ts";
import type { ByteSource } from "./byte-source.ts";
import { type Pickled, PickleName, PickleTuple, pickleLimits, unpickle } from "./pickle.ts";
import { unknownTensor, type WeightSource } from "./source.ts";
import { entryStart, readZipDirectory, type ZipEntry } from "./zip.ts";

/** One block of memory of the file. `dtype` is undefined for untyped storages, whose tensors say it themselves. */
export class TorchStorage {
  readonly key: string;
  readonly dtype: DType | undefined;
  /** Elements; bytes for untyped storages. */
  readonly length: number;
  constructor(key: string, dtype: DType | undefined, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor as a view of a storage; offset and strides in elements. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(
    storage: TorchStorage,
    dtype: DType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** What a checkpoint holds: plain containers and values, with tensors as descriptors. */
export type TorchValue = Pickled<TorchStorage | TorchTensor>;

const storageTypes: ReadonlyMap<string, DType | undefined> = new Map([
  ["torch FloatStorage", "float32"],
  ["torch DoubleStorage", "float64"],
  ["torch HalfStorage", "float16"],
  ["torch BFloat16Storage", "bfloat16"],
  ["torch CharStorage", "int8"],
  ["torch ByteStorage", "uint8"],
  ["torch ShortStorage", "int16"],
  ["torch IntStorage", "int32"],
  ["torch LongStorage", "int64"],
  ["torch BoolStorage", "bool"],
  ["torch.storage UntypedStorage", undefined],
]);
const elementTypes: ReadonlyMap<string, DType> = new Map(
  "float32 float64 float16 bfloat16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool"
    .split(" ")
    .map((name) => [`torch ${name}`, name as DType]),
);
const names: ReadonlySet<string> = new Set([
  ...storageTypes.keys(),
  ...elementTypes.keys(),
  "collections OrderedDict",
  "argparse Namespace",
  "torch Size",
  "torch device",
  "torch._utils _rebuild_tensor_v2",
  "torch._utils _rebuild_tensor_v3",
  "torch._utils _rebuild_parameter",
  "_codecs encode",
]);
const maximumRank = 16;

function apply(name: string, args: readonly TorchValue[]): TorchValue | undefined {
  const [first, second, third, fourth] = args;
  switch (name) {
    case "collections OrderedDict":
    case "argparse Namespace": // its attributes follow as BUILD, and are settings, not weights
      return args.length === 0 ? new Map() : undefined;
    case "torch Size":
      return args.length === 1 && first instanceof PickleTuple ? first : undefined;
    case "torch device":
      return args.length >= 1 && typeof first === "string" ? new PickleTuple(args) : undefined;
    case "_codecs encode": // how protocol 2 spells bytes
      return args.length === 2 && typeof first === "string" && second === "latin1"
        ? Uint8Array.from(first, (character) => character.charCodeAt(0))
        : undefined;
    case "torch._utils _rebuild_tensor_v2":
      return first instanceof TorchStorage && first.dtype !== undefined
        ? rebuild(first, first.dtype, second, third, fourth)
        : undefined;
    case "torch._utils _rebuild_tensor_v3": {
      const type = args[6];
      const dtype = type instanceof PickleName ? elementTypes.get(type.name) : undefined;
      return first instanceof TorchStorage && first.dtype === undefined && dtype !== undefined
        ? rebuild(first, dtype, second, third, fourth)
        : undefined;
    }
    case "torch._utils _rebuild_parameter":
      return first instanceof TorchTensor ? first : undefined;
    default:
      return undefined;
  }
}

const isCount = (value: TorchValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function rebuild(
  storage: TorchStorage,
  dtype: DType,
  offset: TorchValue | undefined,
  size: TorchValue | undefined,
  stride: TorchValue | undefined,
): TorchTensor | undefined {
  if (!isCount(offset) || !(size instanceof PickleTuple) || !(stride instanceof PickleTuple)) return undefined;
  const shape = size.items;
  const strides = stride.items;
  if (shape.length !== strides.length || shape.length > maximumRank) return undefined;
  if (!shape.every(isCount) || !strides.every(isCount)) return undefined;
  const available = storage.dtype === undefined ? Math.floor(storage.length / bytesPerElement(dtype)) : storage.length;
  const last = shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i]!, offset);
  const empty = shape.includes(0);
  if (!Number.isSafeInteger(sizeOf(shape)) || (empty ? offset > available : !(last < available))) return undefined;
  return new TorchTensor(storage, dtype, offset, shape, strides);
}

function persistent(id: TorchValue): TorchStorage | undefined {
  if (!(id instanceof PickleTuple) || id.items.length !== 5) return undefined;
  const [kind, type, key, location, length] = id.items;
  if (kind !== "storage" || !(type instanceof PickleName) || !storageTypes.has(type.name)) return undefined;
  if (typeof key !== "string" || typeof location !== "string" || !isCount(length)) return undefined;
  return new TorchStorage(key, storageTypes.get(type.name), length);
}

/** A checkpoint: everything that was saved, and the storages behind its tensors. */
export interface TorchFile {
  readonly place: string;
  /** Bytes of the file. */
  readonly size: number;
  /** What `torch.load` would return, tensors as descriptors. */
  readonly root: TorchValue;
  /** The values of one tensor, in C order. */
  read(tensor: TorchTensor): Promise<NdArray>;
  close(): Promise<void>;
}

/**
 * Reads the archive's directory and pickle; storages are read when asked for.
 * @throws {VitrineError} INVALID_FILE for a broken file, UNSAFE_FILE for one that holds more than data.
 */
export async function torchFile(bytes: ByteSource): Promise<TorchFile> {
  const { place } = bytes;
  const invalid = (rule: string, evidence?: string) =>
    new VitrineError("INVALID_FILE", { rule: `torch: ${rule}`, evidence, place });
  const start = await bytes.read(0, Math.min(4, bytes.size));
  if (!(start[0] === 0x50 && start[1] === 0x4b))
    throw new VitrineError("INVALID_FILE", {
      rule: "torch: a checkpoint must be a zip archive (PyTorch 1.6 or later)",
      place,
      next: "load it in PyTorch and save it again, best as safetensors",
    });
  const entries = await readZipDirectory(bytes);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw invalid("an archive must hold one data.pkl", `got ${pickles.length}`);
  const prefix = pickles[0]!.slice(0, -"data.pkl".length);
  if ([...entries.keys()].some((name) => name.startsWith(`${prefix}code/`)))
    throw new VitrineError("UNSAFE_FILE", {
      rule: "torch: a checkpoint must hold weights, not a program (TorchScript)",
      place,
      next: "save the state dict",
    });
  const small = async (entry: ZipEntry, limit: number): Promise<Uint8Array> => {
    if (entry.deflated || entry.size > limit)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `torch: "${entry.name}" must be stored and have at most ${limit} bytes`,
        evidence: `${entry.size} bytes${entry.deflated ? ", deflated" : ""}`,
        place,
      });
    return bytes.read(await entryStart(bytes, entry), entry.size);
  };
  const order = entries.get(`${prefix}byteorder`);
  if (order && new TextDecoder().decode(await small(order, 16)) !== "little")
    throw invalid("storages must be little-endian", "byteorder is not");
  const root: TorchValue = unpickle<TorchStorage | TorchTensor>(
    await small(entries.get(`${prefix}data.pkl`)!, pickleLimits.bytes),
    { names, apply, persistent },
    place,
  );

  const storageEntry = (storage: TorchStorage): ZipEntry => {
    const entry = entries.get(`${prefix}data/${storage.key}`);
    if (!entry) throw invalid("each storage must be in the archive", `no "${storage.key}"`);
    const size = storage.length * (storage.dtype === undefined ? 1 : bytesPerElement(storage.dtype));
    if (entry.deflated || entry.size !== size)
      throw invalid("a storage must have the bytes that it says", `"${storage.key}" needs ${size}, has ${entry.size}`);
    return entry;
  };
  const read = async ({ storage, dtype, offset, shape, strides }: TorchTensor): Promise<NdArray> => {
    const size = sizeOf(shape);
    const width = bytesPerElement(dtype);
    const begin = (await entryStart(bytes, storageEntry(storage))) + offset * width;
    if (size === 0) return { dtype, shape, data: allocate(dtype, 0) };
    const span = shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i]!, 1);
    const source = viewBytes(dtype, await bytes.read(begin, span * width), span);
    return { dtype, shape, data: isContiguous(shape, strides) ? source : gather() };

    function gather() {
      const out = allocate(dtype, size);
      const index = shape.map(() => 0);
      let from = 0;
      for (let i = 0; i < size; i++) {
        out[i] = source[from]!;
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          from += strides[axis]!;
          if (++index[axis]! < shape[axis]!) break;
          from -= strides[axis]! * shape[axis]!;
          index[axis] = 0;
        }
      }
      return out;
    }
  };
  return { place, size: bytes.size, root, read, close: () => bytes.close() };
}

/** True where strides are those of C order; an axis of size 1 has none that matters. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Under which keys training scripts put the weights (DeiT, Swin, MAE, DETR: `model`; Lightning: `state_dict`; …). */
export const wrapperKeys: readonly string[] = [
  "state_dict",
  "model_state_dict",
  "model",
  "module",
  "net",
  "params",
  "weights",
];

/**
 * The tensors of a checkpoint by name: the root itself when it holds tensors, else what one wrapper key holds.
 * Entries that are no tensors (`_metadata`, epoch numbers) are left out.
 * @throws {VitrineError} INVALID_FILE where no dict of tensors is found.
 */
export function stateDict(root: TorchValue, place: string): Map<string, TorchTensor> {
  let value = root;
  for (let depth = 0; depth < 3 && value instanceof Map; depth++) {
    const tensors = new Map<string, TorchTensor>();
    for (const [key, item] of value) if (typeof key === "string" && item instanceof TorchTensor) tensors.set(key, item);
    if (tensors.size > 0) return tensors;
    const map: ReadonlyMap<TorchValue, TorchValue> = value;
    const wrapper = wrapperKeys.find((key) => map.get(key) instanceof Map);
    if (wrapper === undefined) break;
    value = map.get(wrapper)!;
  }
  const keys = root instanceof Map ? [...root.keys()].slice(0, 10).map(String).join(", ") : "no dict";
  throw new VitrineError("INVALID_FILE", {
    rule: `torch: a checkpoint must be a dict of tensors, or hold one under ${wrapperKeys.join(", ")}`,
    evidence: `got ${keys}`,
    place,
  });
}

/** Views may repeat a storage (tied weights, `expand`), so a small file could ask for any amount of memory. */
const growth = { times: 4, freeBytes: 64_000_000 };

/**
 * The state dict of a checkpoint as a source.
 * @throws {VitrineError} INVALID_FILE without a state dict, UNSAFE_FILE where its tensors take far more bytes than the file.
 */
export function torchSource(file: TorchFile): WeightSource & { readonly tensors: ReadonlyMap<string, TorchTensor> } {
  const { place } = file;
  const tensors = stateDict(file.root, place);
  const limit = growth.times * file.size + growth.freeBytes;
  let needed = 0;
  for (const { dtype, shape } of tensors.values()) needed += sizeOf(shape) * bytesPerElement(dtype);
  if (needed > limit)
    throw new VitrineError("UNSAFE_FILE", {
      rule: `torch: tensors may take ${growth.times} times the file`,
      evidence: `${file.size} bytes would become ${needed}`,
      place,
    });
  const find = (name: string): TorchTensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw unknownTensor(name, place);
    return tensor;
  };
  return {
    place,
    tensors,
    names: () => tensors.keys(),
    has: (name) => tensors.has(name),
    info: find,
    read: async (name) => file.read(find(name)),
    close: () => file.close(),
  };
}
