/** The tag by which a camera says how it was held. */

const orientationTag = 0x0112;
const upright = 1;

/**
 * A JPEG file whose pixels decoders leave as they are stored: its orientation tag, where it has one, says that the camera was held upright. Other bytes
 * are returned as they came.
 * @source CIPA DC-008 (Exif 2.32) 4.5 and 4.6.4; JPEG's markers: ITU T.81 annex B
 */
export function withoutOrientation(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = exifStart(view);
  if (found === undefined) return bytes;
  const at = orientationAt(view, found);
  if (at === undefined) return bytes;
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint16(at.offset, upright, at.littleEndian);
  return copy;
}

/** Where the block of tags begins; they come before the picture's own data. */
function exifStart(view: DataView): number | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 18 <= view.byteLength; ) {
    const marker = view.getUint16(at);
    if (marker < 0xffc0 || marker === 0xffda) return undefined;
    // "Exif", two zeros.
    if (marker === 0xffe1 && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0) return at + 10;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** Where the tag's value lies in the first directory. */
function orientationAt(
  view: DataView,
  start: number,
): { readonly offset: number; readonly littleEndian: boolean } | undefined {
  const littleEndian = view.getUint16(start) === 0x4949;
  const directory = start + view.getUint32(start + 4, littleEndian);
  if (directory + 2 > view.byteLength) return undefined;
  const count = view.getUint16(directory, littleEndian);
  for (let entry = directory + 2; entry < directory + 2 + 12 * count && entry + 12 <= view.byteLength; entry += 12)
    if (view.getUint16(entry, littleEndian) === orientationTag) return { offset: entry + 8, littleEndian };
  return undefined;
}
