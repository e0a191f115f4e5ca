/** Writes a PyTorch checkpoint of float32 tensors, as `torch.save(state_dict)` does: a stored zip of a pickle (protocol 2) and one storage per tensor. */

import { zipSync } from "fflate";
import type { NdArray } from "../../src/graph/dtype.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The bytes of a `.pth` file. */
export function torchFile(tensors: Iterable<readonly [string, NdArray]>): Uint8Array {
  const pickle: Uint8Array[] = [];
  const byte = (...bytes: number[]) => pickle.push(Uint8Array.from(bytes));
  const op = (code: string) => pickle.push(text(code));
  const number = (code: string, value: number) => {
    op(code);
    pickle.push(new Uint8Array(Int32Array.of(value).buffer));
  };
  const string = (value: string) => {
    number("X", text(value).length);
    op(value);
  };
  const global = (module: string, name: string) => op(`c${module}\n${name}\n`);
  const tuple = (values: readonly number[]) => {
    op("(");
    for (const value of values) number("J", value);
    op("t");
  };

  const files: Record<string, Uint8Array> = { "archive/version": text("3\n"), "archive/byteorder": text("little") };
  byte(0x80, 2);
  op("}(");
  let key = 0;
  for (const [name, { shape, data }] of tensors) {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
    string(name);
    global("torch._utils", "_rebuild_tensor_v2");
    op("((");
    string("storage");
    global("torch", "FloatStorage");
    string(String(key));
    string("cpu");
    number("J", data.length);
    op("tQ"); //                 the tuple names a storage
    number("J", 0);
    tuple(shape);
    tuple(strides);
    byte(0x89); //               needs no gradient
    global("collections", "OrderedDict");
    op(")RtR");
    files[`archive/data/${key}`] = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    key++;
  }
  op("u.");
  files["archive/data.pkl"] = new Uint8Array(Buffer.concat(pickle));
  return zipSync(files, { level: 0 });
}
