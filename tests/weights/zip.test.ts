import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { memoryBytes } from "../../src/weights/byte-source.ts";
import { readZipDirectory, readZipEntry } from "../../src/weights/zip.ts";
import { thrown } from "./fixture.ts";

const text = (value: string) => new TextEncoder().encode(value);
const archive = () => zipSync({ "a.txt": text("hello hello hello"), "b.txt": [text("stored"), { level: 0 }] });

/** Offsets in the archive: the end record, and each entry of the directory. */
function layout(bytes: Uint8Array): { end: number; entries: number[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - 22;
  const entries: number[] = [];
  for (let at = view.getUint32(end + 16, true); at < end; at += 46 + view.getUint16(at + 28, true)) entries.push(at);
  return { end, entries };
}

/** The archive with a change made to it by `edit`. */
function edited(
  edit: (view: DataView, at: { end: number; entries: number[] }) => void,
  bytes: Uint8Array = archive(),
): Uint8Array {
  const copy = bytes.slice();
  edit(new DataView(copy.buffer), layout(copy));
  return copy;
}

async function readEverything(bytes: Uint8Array): Promise<Record<string, string>> {
  const source = memoryBytes(bytes, "m.zip");
  const out: Record<string, string> = {};
  for (const entry of (await readZipDirectory(source)).values())
    out[entry.name] = new TextDecoder().decode(await readZipEntry(source, entry));
  return out;
}

const content = { "a.txt": "hello hello hello", "b.txt": "stored" };

test("stored and deflated entries are read, also behind a comment", async () => {
  expect(await readEverything(archive())).toEqual(content);
  const commented = new Uint8Array([
    ...edited((view, { end }) => view.setUint16(end + 20, 5, true)),
    ...text("PK\x05\x06!"),
  ]);
  expect(await readEverything(commented)).toEqual(content);
});

/** The same archive with its directory described by zip64 records. */
function zip64(): Uint8Array {
  const plain = archive();
  const { end } = layout(plain);
  const view = new DataView(plain.buffer, plain.byteOffset);
  const record = new DataView(new ArrayBuffer(76));
  record.setUint32(0, 0x06064b50, true);
  record.setBigUint64(32, 2n, true);
  record.setBigUint64(40, BigInt(view.getUint32(end + 12, true)), true);
  record.setBigUint64(48, BigInt(view.getUint32(end + 16, true)), true);
  record.setUint32(56, 0x07064b50, true);
  record.setBigUint64(64, BigInt(end), true);
  const tail = plain.slice(end);
  new DataView(tail.buffer).setUint32(16, 0xffffffff, true);
  return new Uint8Array([...plain.slice(0, end), ...new Uint8Array(record.buffer), ...tail]);
}

test("zip64 directories are read", async () => {
  expect(await readEverything(zip64())).toEqual(content);
  const broken = zip64();
  broken[broken.length - 22 - 20] = 0;
  expect(String(await thrown(() => readEverything(broken)))).toMatch(/zip64 locator/);
});

const hostile: Record<string, [Uint8Array, RegExp]> = {
  nothing: [new Uint8Array(0), /end with its directory/],
  "an archive cut off": [archive().slice(0, -1), /end with its directory/],
  "more entries than there are": [edited((view, { end }) => view.setUint16(end + 10, 3, true)), /as many entries/],
  "an entry count over the limit": [edited((view, { end }) => view.setUint16(end + 10, 0xffff, true)), /zip64 locator/],
  "a directory beyond the file": [edited((view, { end }) => view.setUint32(end + 16, 9999, true)), /within the file/],
  "a directory of another length": [edited((view, { end }) => view.setUint32(end + 12, 20, true)), /as many entries/],
  "an archive over two disks": [edited((view, { end }) => view.setUint16(end + 4, 1, true)), /one file/],
  "a name beyond the directory": [
    edited((view, { entries }) => view.setUint16(entries[1]! + 28, 999, true)),
    /end early|as many/,
  ],
  "an encrypted entry": [edited((view, { entries }) => view.setUint16(entries[0]! + 8, 1, true)), /encrypted/],
  "another method": [edited((view, { entries }) => view.setUint16(entries[0]! + 10, 12, true)), /method 12/],
  "two entries of one name": [edited((view, { entries }) => view.setUint8(entries[1]! + 46, 0x61)), /unique/],
  "a name that is not UTF-8": [edited((view, { entries }) => view.setUint8(entries[0]! + 46, 0xff)), /UTF-8/],
  "two sizes of a stored entry": [edited((view, { entries }) => view.setUint32(entries[1]! + 24, 7, true)), /one size/],
  "entries on the same bytes": [edited((view, { entries }) => view.setUint32(entries[1]! + 42, 0, true)), /overlap/],
  "an entry in the directory": [
    edited((view, { entries }) => view.setUint32(entries[1]! + 42, entries[0]!, true)),
    /before the directory/,
  ],
  "a size only zip64 can tell": [
    edited((view, { entries }) => view.setUint32(entries[0]! + 24, 0xffffffff, true)),
    /zip64 field/,
  ],
  "a header of another name": [edited((view) => view.setUint8(30, 0x62)), /agree with the directory/],
  "a header of another kind": [edited((view) => view.setUint32(0, 0, true)), /agree with the directory/],
  "a header of another method": [edited((view) => view.setUint16(8, 0, true)), /agree with the directory/],
  "a changed byte": [edited((view, { entries }) => view.setUint8(entries[0]! - 1, 0x21)), /checksum/],
  "a stream that is no deflate": [edited((view) => view.setUint8(35, 0x07)), /inflated|bytes of|checksum/],
  "an entry smaller than its stream": [
    edited((view, { entries }) => view.setUint32(entries[0]! + 24, 3, true)),
    /4 bytes of 3/,
  ],
  "an entry larger than its stream": [
    edited((view, { entries }) => view.setUint32(entries[0]! + 24, 99, true)),
    /17 bytes of 99/,
  ],
  "a bomb": [edited((view, { entries }) => view.setUint32(entries[0]! + 24, 0xfffffffe, true)), /100 times the file/],
};

test(`each of ${Object.keys(hostile).length} hostile archives is refused by the rule it breaks`, async () => {
  for (const [name, [bytes, rule]] of Object.entries(hostile)) {
    const error = await thrown(() => readEverything(bytes));
    expect(error, name).toMatchObject({ name: "VitrineError", code: expect.stringMatching(/^(INVALID|UNSAFE)_FILE$/) });
    expect(String(error), name).toMatch(rule);
  }
});
