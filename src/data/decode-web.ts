/**
 * Image files → RGB pixels in the browser.
 *
 * The browser decodes and never resizes: `createImageBitmap` without colour conversion and without premultiplied alpha, read back through a canvas of the same
 * size. Two browsers may decode the same JPEG file one grey level apart.
 */

import { VitrineError } from "../errors.ts";
import { toRgb } from "./convert.ts";
import { withoutOrientation } from "./exif-orientation.ts";
import type { Image } from "./image.ts";
import { imageFormat } from "./image-format.ts";

/** How to decode. */
export interface DecodeWebOptions {
  /** `exif` (default) turns the picture as its orientation tag says; `ignore` leaves a JPEG's pixels as stored, as Pillow and torchvision do. */
  readonly orientation?: "exif" | "ignore";
  /** Larger images are refused; default 50 million pixels. */
  readonly maxPixels?: number;
  /** What to call the picture in error messages. */
  readonly name?: string;
}

/**
 * The image in a file or in bytes, as RGB. Animations give their first frame.
 * @throws {VitrineError} INVALID_FILE when it is no image that the browser can decode; UNSAFE_FILE when it is larger than `maxPixels`.
 */
export async function decodeImage(source: Blob | Uint8Array, options: DecodeWebOptions = {}): Promise<Image> {
  const name = options.name ?? (source instanceof File ? source.name : "image");
  const maxPixels = options.maxPixels ?? 50_000_000;
  const blob = source instanceof Uint8Array ? new Blob([source as Uint8Array<ArrayBuffer>]) : source;
  const invalid = (evidence: string): VitrineError =>
    new VitrineError("INVALID_FILE", {
      rule: "an image must be a whole, valid JPEG, PNG, WebP, GIF, AVIF or BMP file",
      evidence,
      place: name,
    });
  if (imageFormat(new Uint8Array(await blob.slice(0, 32).arrayBuffer())) === undefined)
    throw invalid("its first bytes are none of these");
  const bitmap = await createImageBitmap(options.orientation === "ignore" ? await asStored(blob) : blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  }).catch((cause: unknown) => {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  });
  const { width, height } = bitmap;
  try {
    if (width * height > maxPixels)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `an image may have at most ${maxPixels} pixels`,
        evidence: `got ${width} × ${height}`,
        place: name,
      });
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw invalid("the browser gave no canvas of its size");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return toRgb({ width, height, channels: 4, data: new Uint8Array(data.buffer) });
  } finally {
    bitmap.close();
  }
}

/** Browsers know no option for this: their `imageOrientation: "none"` turns pictures too. */
async function asStored(blob: Blob): Promise<Blob> {
  return new Blob([withoutOrientation(new Uint8Array(await blob.arrayBuffer())) as Uint8Array<ArrayBuffer>]);
}
