/**
 * Image files → RGB pixels in Node, as Pillow's `Image.open(file).convert("RGB")` makes them.
 *
 * sharp (libvips, mozjpeg) decodes and never resizes. Embedded colour profiles are ignored, as Pillow ignores them; with that the decoded bytes equal Pillow's
 * on photographs. `docs/odd-images.md` lists where the two part on odd and broken files.
 */

import { readFile, stat } from "node:fs/promises";
import type { Sharp, SharpOptions } from "sharp";
import { VitrineError } from "../errors.ts";
import { systemReason } from "../files/write-node.ts";
import { viewBytes } from "../graph/dtype.ts";
import { decodeBmp } from "./bmp.ts";
import { rgbFromCmyk, rgbFromGrey16, toRgb } from "./convert.ts";
import type { Image } from "./image.ts";
import { type ImageFormat, imageFormat, isHeic } from "./image-format.ts";

/** How to decode a file. */
export interface DecodeOptions {
  /**
   * `exif` (default) turns the picture as its orientation tag says, once: people photograph with phones, and a model that sees their pictures sideways is wrong.
   * `ignore` leaves pixels as stored, as Pillow, torchvision and timm do: for comparing numbers with theirs.
   */
  readonly orientation?: "exif" | "ignore";
  /** Larger images are refused before they are decoded; default 50 million pixels. */
  readonly maxPixels?: number;
  /** Larger files are refused before they are read; default 64 MiB. */
  readonly maxBytes?: number;
  /** What to call bytes that have no file name, in error messages. */
  readonly name?: string;
}

/** Seconds that one file may keep the decoder busy (an image of 50 million pixels takes about one). */
const timeLimit = 30;

type SharpFactory = (input?: Uint8Array, options?: SharpOptions) => Sharp;

let loaded: Promise<SharpFactory> | undefined;

/** sharp, imported when first needed: that takes 0.1 s, which commands without images should not wait. */
function loadSharp(): Promise<SharpFactory> {
  loaded ??= import("sharp").then(
    ({ default: sharp }) => {
      // Decoding runs on one thread each; the loader's workers are the parallelism.
      sharp.concurrency(1);
      sharp.cache(false);
      return sharp;
    },
    (cause: unknown) => {
      loaded = undefined;
      throw new VitrineError("NOT_AVAILABLE", {
        rule: "decoding images needs the package sharp, which could not be loaded",
        evidence: firstLine(cause),
        next: "run npm install sharp",
        cause,
      });
    },
  );
  return loaded;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!.replace(/[:\s]+$/, "");
}

/**
 * The image in a file, or in bytes, as RGB. Animations give their first frame, multi-page files their first page.
 * @param source - a path, or the file's bytes.
 * @throws {VitrineError} NOT_FOUND without such a file; INVALID_FILE when it is no image that can be decoded, broken or cut off; UNSAFE_FILE beyond the limits
 * on bytes or pixels; NOT_AVAILABLE without sharp.
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  const name = options.name ?? (typeof source === "string" ? source : "image");
  const maxBytes = options.maxBytes ?? 64 * 2 ** 20;
  const maxPixels = options.maxPixels ?? 50_000_000;
  const bytes = typeof source === "string" ? await readBounded(source, maxBytes, name) : source;
  if (bytes.length > maxBytes) throw tooManyBytes(bytes.length, maxBytes, name);
  const format = imageFormat(bytes);
  if (format === undefined)
    throw new VitrineError("INVALID_FILE", {
      rule: "an image must be JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF",
      evidence:
        bytes.length === 0 ? "the file is empty" : `its first bytes are ${isHeic(bytes) ? "HEIC's" : "none of these"}`,
      place: name,
      next: isHeic(bytes) ? "export it as JPEG: HEIC cannot be read here" : undefined,
    });
  if (format === "bmp") return decodeBmp(bytes, name, maxPixels);
  const sharp = await loadSharp();
  try {
    return await decodeWithSharp(sharp, bytes, format, options.orientation ?? "exif", maxPixels);
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    const evidence = firstLine(cause);
    const oversized = /exceeds pixel limit/i.test(evidence);
    throw new VitrineError(oversized ? "UNSAFE_FILE" : "INVALID_FILE", {
      rule: oversized
        ? `an image may have at most ${maxPixels} pixels`
        : `the file must be a whole, valid ${format} image`,
      evidence,
      place: name,
      cause,
    });
  }
}

async function readBounded(path: string, maxBytes: number, name: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw tooManyBytes(size, maxBytes, name);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new VitrineError(code === "ENOENT" || code === "ENOTDIR" ? "NOT_FOUND" : "INVALID_FILE", {
      rule: "an image must be a readable file",
      evidence: systemReason(cause),
      place: name,
      next: code === "EISDIR" ? `name the images in it: ${name}/*` : undefined,
      cause,
    });
  }
}

function tooManyBytes(size: number, maxBytes: number, name: string): VitrineError {
  return new VitrineError("UNSAFE_FILE", {
    rule: `an image file may have at most ${maxBytes} bytes`,
    evidence: `got ${size}`,
    place: name,
  });
}

async function decodeWithSharp(
  sharp: SharpFactory,
  bytes: Uint8Array,
  format: ImageFormat,
  orientation: "exif" | "ignore",
  maxPixels: number,
): Promise<Image> {
  // Warnings pass: cameras write JPEG files with stray bytes. A file that is cut off is an error.
  const picture = sharp(bytes, { failOn: "error", limitInputPixels: maxPixels, ignoreIcc: true, pages: 1 });
  const { space } = await picture.metadata();
  if (orientation === "exif") picture.autoOrient();
  picture.timeout({ seconds: timeLimit });
  if (space === "cmyk") {
    const { data, info } = await picture
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return rgbFromCmyk(info.width, info.height, data);
  }
  // In PNG, 16-bit grey without an alpha channel (a transparent colour is none) is what Pillow opens as I;16.
  if (space === "grey16" && (format === "tiff" || (format === "png" && bytes[25] === 0))) {
    const { data, info } = await picture
      .toColourspace("grey16")
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true });
    const samples = viewBytes("uint16", data, data.length / 2) as Uint16Array;
    return rgbFromGrey16(info.width, info.height, samples, info.channels);
  }
  const { data, info } = await picture.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
  return toRgb({ width: info.width, height: info.height, channels: info.channels as 1 | 3 | 4, data: pixels });
}

/** An image as the bytes of a PNG file: lossless, grey, RGB or RGB with alpha. */
export async function encodePng(image: Image): Promise<Uint8Array> {
  return (await encoder(image)).png().toBuffer();
}

/** An image as the bytes of a JPEG file; `quality` 1 to 100. Alpha is dropped. */
export async function encodeJpeg(image: Image, quality = 90): Promise<Uint8Array> {
  return (await encoder(image.channels === 4 ? toRgb(image) : image)).jpeg({ quality }).toBuffer();
}

async function encoder({ width, height, channels, data }: Image): Promise<Sharp> {
  const sharp = (await loadSharp()) as unknown as (input: Uint8Array, options: SharpOptions) => Sharp;
  const picture = sharp(data, { raw: { width, height, channels } });
  return channels === 1 ? picture.toColourspace("b-w") : picture;
}
