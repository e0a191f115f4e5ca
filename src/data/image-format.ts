/** Which image format some bytes are, by their first bytes and never by a file's name. */

/** The formats that are decoded. */
export type ImageFormat = "jpeg" | "png" | "gif" | "webp" | "avif" | "bmp" | "tiff";

/** The format of an image, or undefined where it is none of those that are decoded (SVG, PDF, HEIC, text …). */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = (start: number, end: number): string => String.fromCharCode(...bytes.subarray(start, end));
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return "gif";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "webp";
  if (text(4, 8) === "ftyp" && (text(8, 12) === "avif" || text(8, 12) === "avis")) return "avif";
  if (text(0, 2) === "BM" && bytes.length >= 26 && bytes[6]! + bytes[7]! + bytes[8]! + bytes[9]! === 0) return "bmp";
  if (text(0, 4) === "II*\0" || text(0, 4) === "MM\0*") return "tiff";
  return undefined;
}

/** Whether some bytes are a HEIC photograph, which telephones make and which is not decoded. */
export function isHeic(bytes: Uint8Array): boolean {
  const brand = String.fromCharCode(...bytes.subarray(4, 12));
  return /^ftyp(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand);
}

/** File name endings under which data sets are searched for images; what the files really are, their bytes say. */
export const imageExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".gif",
  ".webp",
  ".avif",
  ".bmp",
  ".tif",
  ".tiff",
];

/** Whether a file is searched for by its name. */
export function hasImageEnding(name: string): boolean {
  return imageExtensions.some((ending) => name.toLowerCase().endsWith(ending));
}
