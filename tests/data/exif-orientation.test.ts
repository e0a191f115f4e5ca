import { expect, test } from "vitest";
import { withoutOrientation } from "../../src/data/exif-orientation.ts";

/** The beginning of a JPEG file: a JFIF segment, then tags with the given orientation in the given order of bytes. */
function jpegHead(orientation: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(2 + 18 + 2 + 2 + 6 + 8 + 2 + 2 * 12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xffd8);
  view.setUint16(2, 0xffe0);
  view.setUint16(4, 16);
  view.setUint16(20, 0xffe1);
  view.setUint16(22, bytes.length - 22);
  view.setUint32(24, 0x45786966);
  const tiff = 30;
  view.setUint16(tiff, littleEndian ? 0x4949 : 0x4d4d);
  view.setUint16(tiff + 2, 42, littleEndian);
  view.setUint32(tiff + 4, 8, littleEndian);
  view.setUint16(tiff + 8, 2, littleEndian);
  for (const [i, [tag, value]] of [
    [0x0100, orientation],
    [0x0112, orientation],
  ].entries()) {
    const entry = tiff + 10 + 12 * i;
    view.setUint16(entry, tag!, littleEndian);
    view.setUint16(entry + 2, 3, littleEndian);
    view.setUint32(entry + 4, 1, littleEndian);
    view.setUint16(entry + 8, value!, littleEndian);
  }
  return bytes;
}

test.each([true, false])("only the orientation becomes upright, little-endian: %s", (littleEndian) => {
  const turned = jpegHead(6, littleEndian);
  const got = withoutOrientation(turned);
  const want = jpegHead(6, littleEndian);
  new DataView(want.buffer).setUint16(30 + 10 + 12 + 8, 1, littleEndian);
  expect(got).toEqual(want);
  expect(turned).toEqual(jpegHead(6, littleEndian));
});

test("files without the tag, of another format or cut off stay as they are", () => {
  const whole = jpegHead(6, true);
  for (let length = 0; length < whole.length - 4; length++) {
    const cut = whole.slice(0, length);
    expect(() => withoutOrientation(cut)).not.toThrow();
  }
  for (const bytes of [new Uint8Array(40).fill(0xff), Uint8Array.of(0x89, 0x50, 0x4e, 0x47), new Uint8Array()])
    expect(withoutOrientation(bytes)).toBe(bytes);
});
