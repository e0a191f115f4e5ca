/** Encoded images within larger files: where each begins and ends, in arrays that all threads share. */

import { sharedBytes } from "./memory.ts";

/** Encoded images within larger files, one after the other in the order of the data set. */
export interface RecordSource {
  readonly kind: "records";
  readonly name: string;
  readonly classes: readonly string[];
  readonly labels: Uint16Array;
  /** The files that hold the images. */
  readonly files: readonly string[];
  /** What people call these files; others where a copy was unpacked. */
  readonly places: readonly string[];
  /** The file of each image. */
  readonly fileOf: Uint16Array;
  /** Where each image begins in its file, in bytes. */
  readonly starts: Float64Array;
  /** Bytes of each image. */
  readonly lengths: Uint32Array;
  /** Names of the images within their files, UTF-8, one after the other. */
  readonly names: Uint8Array;
  /** Where each name begins, and the end of the last. */
  readonly nameStarts: Float64Array;
  readonly orientation: "exif" | "ignore";
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Numbers that are added at the end, in a typed array that doubles when it is full. */
class Column<T extends Numbers> {
  #data: T;
  length = 0;

  constructor(empty: T) {
    this.#data = empty;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#data.length) return;
    const Kind = this.#data.constructor as new (length: number) => T;
    const larger = new Kind(Math.max(1024, 2 * this.#data.length, this.length + more));
    larger.set(this.#data);
    this.#data = larger;
  }

  push(value: number): void {
    this.#reserve(1);
    this.#data[this.length++] = value;
  }

  append(values: Uint8Array): void {
    this.#reserve(values.length);
    this.#data.set(values, this.length);
    this.length += values.length;
  }

  /** The numbers, in memory that threads share, each changed by `change`. */
  shared(change: (value: number) => number = (value) => value): T {
    const Kind = this.#data.constructor as new (buffer: ArrayBufferLike) => T;
    const out = new Kind(sharedBytes(this.length * this.#data.BYTES_PER_ELEMENT).buffer);
    for (let i = 0; i < this.length; i++) out[i] = change(this.#data[i]!);
    return out;
  }
}

/** Gathers the places of images; about 25 bytes each, and their names. */
export class RecordCollector {
  readonly #labels = new Column(new Uint16Array(0));
  readonly #fileOf = new Column(new Uint16Array(0));
  readonly #starts = new Column(new Float64Array(0));
  readonly #lengths = new Column(new Uint32Array(0));
  readonly #names = new Column(new Uint8Array(0));
  readonly #nameStarts = new Column(new Float64Array(0));
  readonly #encoder = new TextEncoder();

  /** Number of images so far. */
  get length(): number {
    return this.#labels.length;
  }

  /** Adds an image; `label` is a number that a `LabelCollector` gave. */
  add(file: number, start: number, length: number, label: number, name: string): void {
    this.#fileOf.push(file);
    this.#starts.push(start);
    this.#lengths.push(length);
    this.#labels.push(label);
    this.#nameStarts.push(this.#names.length);
    this.#names.append(this.#encoder.encode(name));
  }

  /** The arrays of a source; `classOf` gives the class of each label's number. */
  finish(
    classOf: Uint16Array,
  ): Pick<RecordSource, "labels" | "fileOf" | "starts" | "lengths" | "names" | "nameStarts"> {
    this.#nameStarts.push(this.#names.length);
    return {
      labels: this.#labels.shared((label) => classOf[label]!),
      fileOf: this.#fileOf.shared(),
      starts: this.#starts.shared(),
      lengths: this.#lengths.shared(),
      names: this.#names.shared(),
      nameStarts: this.#nameStarts.shared(),
    };
  }
}

/** What people call an image: its file and the name within. */
export function recordName({ places, fileOf, names, nameStarts }: RecordSource, index: number): string {
  // A decoder takes no shared memory, so the few bytes are copied.
  const name = Uint8Array.from(names.subarray(nameStarts[index]!, nameStarts[index + 1]!));
  return `${places[fileOf[index]!]}/${new TextDecoder().decode(name)}`;
}
