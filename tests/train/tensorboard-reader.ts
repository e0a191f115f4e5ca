/** A reader of TensorBoard's event files that shares nothing with the writer: protobuf field by field, checksums bit by bit. */

/** One field of a message: number, and its varint, its 8 or 4 bytes, or its body. */
export type Field = readonly [number: number, value: bigint | Uint8Array];

/** The fields of a message, in order. */
export function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7n;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = Number(key & 7n);
    if (wire === 0) {
      fields.push([Number(key >> 3n), varint()]);
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
    fields.push([Number(key >> 3n), bytes.slice(at, at + length)]);
    at += length;
  }
  return fields;
}

/** CRC-32C by long division. */
export function slowCrc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const one = (rest ^ (byte >> bit)) & 1;
      rest = (rest >>> 1) ^ (one ? 0x82f63b78 : 0);
    }
  return ~rest >>> 0;
}

/** The bodies of a file's records, with both checksums of each checked. */
export function recordsOf(file: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const check = (from: number, to: number): void => {
    const crc = slowCrc32c(file.subarray(from, to));
    const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    if (view.getUint32(to, true) !== masked) throw new Error(`wrong checksum at ${to}`);
  };
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    check(at, at + 8);
    check(at + 12, at + 12 + length);
    records.push(file.slice(at + 12, at + 12 + length));
    at += length + 16;
  }
  return records;
}

const real = (bytes: Uint8Array): number => new DataView(bytes.buffer).getFloat64(0, true);
const part = (fields: readonly Field[], number: number): Uint8Array =>
  fields.find(([n]) => n === number)![1] as Uint8Array;
const words = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const packed = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 8 }, (_, i) => real(bytes.slice(8 * i, 8 * i + 8)));

/** A value as the reader understands it. */
export interface Read {
  readonly step: number;
  readonly tag: string;
  readonly value: number | string | Readonly<Record<string, unknown>>;
}

/** All values of a file, in order; the first record must say the file's version. */
export function readEventFile(file: Uint8Array): readonly Read[] {
  // A copy: slices of Node's buffers are views.
  const [first, ...rest] = recordsOf(new Uint8Array(file)).map(fieldsOf);
  if (words(part(first!, 3)) !== "brain.Event:2") throw new Error("no version");
  return rest.flatMap((event) => {
    const step = Number(event.find(([n]) => n === 2)![1]);
    if (real(part(event, 1)) < 1e9) throw new Error("no time");
    return fieldsOf(part(event, 5)).map(([, body]): Read => {
      const value = fieldsOf(body as Uint8Array);
      return { step, tag: words(part(value, 1)), value: readValue(value) };
    });
  });
}

function readValue(value: readonly Field[]): Read["value"] {
  for (const [number, body] of value as readonly (readonly [number, Uint8Array])[]) {
    if (number === 2) return new DataView(body.buffer).getFloat32(0, true);
    const inner = number === 4 || number === 5 || number === 8 ? fieldsOf(body) : [];
    const whole = (n: number): number => Number(inner.find(([m]) => m === n)![1]);
    if (number === 4) return { height: whole(1), width: whole(2), channels: whole(3), png: part(inner, 4) };
    if (number === 5)
      return {
        ...{ min: real(part(inner, 1)), max: real(part(inner, 2)), num: real(part(inner, 3)) },
        ...{ sum: real(part(inner, 4)), sumSquares: real(part(inner, 5)) },
        ...{ limits: packed(part(inner, 6)), counts: packed(part(inner, 7)) },
      };
    if (number === 8) return words(part(inner, 8));
  }
  throw new Error("unknown value");
}
