/**
 * TensorBoard's event files as bytes: records of TFRecord, each with one `Event`.
 * @source tensorflow/core/lib/io/record_writer.cc; tensorboard/compat/proto/{event,summary,histogram,tensor}.proto
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { maskedCrc32c } from "../files/crc32c.ts";
import type { Histogram } from "./events.ts";

/** What one event shows under one name. */
export type TensorBoardValue =
  | { readonly tag: string; readonly kind: "scalar"; readonly value: number }
  | { readonly tag: string; readonly kind: "histogram"; readonly histogram: Histogram }
  /** Encoded, `channels` 1 grey, 3 RGB, 4 with alpha. */
  | {
      readonly tag: string;
      readonly kind: "image";
      readonly width: number;
      readonly height: number;
      readonly channels: number;
      readonly png: Uint8Array;
    }
  /** Markdown. */
  | { readonly tag: string; readonly kind: "text"; readonly text: string };

const message = (writer: BinaryWriter, field: number, body: BinaryWriter): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).bytes(body.finish());
const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const integer = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Varint).int64(value);
const double = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Bit64).double(value);

/** The record that a file begins with. @param time seconds since 1970 */
export function firstRecord(time: number): Uint8Array {
  return record(text(double(new BinaryWriter(), 1, time), 3, "brain.Event:2").finish());
}

/** A record of values at a step. @param time seconds since 1970 */
export function eventRecord(time: number, step: number, values: readonly TensorBoardValue[]): Uint8Array {
  const summary = new BinaryWriter();
  for (const value of values) message(summary, 1, valueMessage(value));
  return record(message(integer(double(new BinaryWriter(), 1, time), 2, step), 5, summary).finish());
}

function valueMessage(value: TensorBoardValue): BinaryWriter {
  const writer = text(new BinaryWriter(), 1, value.tag);
  switch (value.kind) {
    case "scalar":
      return writer.tag(2, WireType.Bit32).float(value.value);
    case "image": {
      const { height, width, channels, png } = value;
      const image = integer(integer(integer(new BinaryWriter(), 1, height), 2, width), 3, channels);
      return message(writer, 4, image.tag(4, WireType.LengthDelimited).bytes(png));
    }
    case "histogram":
      return message(writer, 5, histogramMessage(value.histogram));
    case "text": {
      message(writer, 9, message(new BinaryWriter(), 1, text(new BinaryWriter(), 1, "text")));
      const strings = 7; // DataType.DT_STRING
      return message(
        writer,
        8,
        text(message(integer(new BinaryWriter(), 1, strings), 2, new BinaryWriter()), 8, value.text),
      );
    }
  }
}

function histogramMessage({ min, max, sum, sumSquares, counts }: Histogram): BinaryWriter {
  // All numbers alike: one bucket, since limits must rise.
  const buckets = max > min ? counts : [counts.reduce((total, count) => total + count, 0)];
  const [limits, numbers] = [new BinaryWriter(), new BinaryWriter()];
  for (const [i, count] of buckets.entries()) {
    limits.double(i === buckets.length - 1 ? max : min + ((i + 1) * (max - min)) / buckets.length);
    numbers.double(count);
  }
  const writer = double(double(new BinaryWriter(), 1, min), 2, max);
  double(
    double(
      double(
        writer,
        3,
        buckets.reduce((total, count) => total + count, 0),
      ),
      4,
      sum,
    ),
    5,
    sumSquares,
  );
  return message(message(writer, 6, limits), 7, numbers);
}

/** Length, its checksum, data, its checksum. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

/** Bytes of a file's records up to `step`: where the first later one begins, or one that is cut or damaged. */
export function lengthUpTo(bytes: Uint8Array, step: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 16 <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + 16 + length;
    if (view.getUint32(at + 8, true) !== maskedCrc32c(bytes.subarray(at, at + 8)) || end > bytes.length) break;
    const data = bytes.subarray(at + 12, end - 4);
    if (view.getUint32(end - 4, true) !== maskedCrc32c(data) || stepOf(data) > step) break;
    at = end;
  }
  return at;
}

function stepOf(event: Uint8Array): number {
  const reader = new BinaryReader(event);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 2 && wire === WireType.Varint) return Number(reader.int64());
    reader.skip(wire);
  }
  return 0;
}
