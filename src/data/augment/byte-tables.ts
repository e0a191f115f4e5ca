/**
 * Changes that send each byte through a table of 256, a table for each channel: Pillow's `ImageOps`, byte for byte. Images are grey or RGB.
 */

import type { Image } from "../image.ts";

/** Every byte replaced by `table[byte]`; `table` holds 256 entries for all channels, or 256 for each. */
export function mapBytes(source: Image, table: Uint8Array): Image {
  const { channels, data } = source;
  const out = new Uint8Array(data.length);
  const [a, b, c] = [0, 256, 512].map((from) => table.subarray(from % table.length, (from % table.length) + 256)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  // Whole words first, which read and write memory a quarter as often; twelve bytes hold each channel's bytes at fixed places.
  const whole =
    data.byteOffset % 4 === 0 && (channels === 3 || table.length === 256) ? Math.floor(data.length / 12) : 0;
  const words = new Uint32Array(data.buffer, data.byteOffset - (data.byteOffset % 4), whole * 3);
  const changed = new Uint32Array(out.buffer, 0, whole * 3);
  for (let i = 0; i < words.length; i += 3) {
    const u = words[i]!;
    const v = words[i + 1]!;
    const w = words[i + 2]!;
    changed[i] = a[u & 255]! | (b[(u >>> 8) & 255]! << 8) | (c[(u >>> 16) & 255]! << 16) | (a[u >>> 24]! << 24);
    changed[i + 1] = b[v & 255]! | (c[(v >>> 8) & 255]! << 8) | (a[(v >>> 16) & 255]! << 16) | (b[v >>> 24]! << 24);
    changed[i + 2] = c[w & 255]! | (a[(w >>> 8) & 255]! << 8) | (b[(w >>> 16) & 255]! << 16) | (c[w >>> 24]! << 24);
  }
  for (let i = whole * 12; i < data.length; i++) out[i] = table[(((i % channels) * 256) % table.length) | data[i]!]!;
  return { ...source, data: out };
}

/** How often each byte occurs, 256 counts for each channel. */
export function histogram({ channels, data }: Image): Uint32Array {
  const counts = new Uint32Array(256 * channels);
  if (channels === 3)
    for (let i = 0; i < data.length; i += 3) {
      counts[data[i]!]!++;
      counts[256 + data[i + 1]!]!++;
      counts[512 + data[i + 2]!]!++;
    }
  else for (let i = 0; i < data.length; i++) counts[(i % channels) * 256 + data[i]!]!++;
  return counts;
}

/** One table for each channel of `source`, made from the channel's histogram by `write`, which finds the identity in its table. */
function mapChannels(source: Image, write: (counts: Uint32Array, table: Uint8Array) => void): Image {
  const counts = histogram(source);
  const tables = Uint8Array.from(counts, (_, i) => i & 255);
  for (let at = 0; at < counts.length; at += 256) write(counts.subarray(at, at + 256), tables.subarray(at, at + 256));
  return mapBytes(source, tables);
}

/** Each channel stretched so that its darkest byte becomes 0 and its lightest 255 (`ImageOps.autocontrast`). */
export function autoContrast(source: Image): Image {
  return mapChannels(source, (counts, table) => {
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    if (high <= low) return;
    const scale = 255 / (high - low);
    const offset = -low * scale;
    for (let i = 0; i < 256; i++) table[i] = Math.max(0, Math.min(255, Math.trunc(i * scale + offset)));
  });
}

/** Each channel changed so that its bytes spread evenly (`ImageOps.equalize`). */
export function equalize(source: Image): Image {
  return mapChannels(source, (counts, table) => {
    const last = counts.findLast((count) => count > 0) ?? 0;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const step = Math.floor((total - last) / 255);
    if (step === 0) return;
    let sum = step >> 1;
    for (let i = 0; i < 256; i++) {
      table[i] = Math.min(255, Math.floor(sum / step));
      sum += counts[i]!;
    }
  });
}

/** The negative: 255 − byte. */
export function invert(source: Image): Image {
  return mapBytes(
    source,
    Uint8Array.from({ length: 256 }, (_, i) => 255 - i),
  );
}

/** The highest `bits` bits of each byte; 8 and more change nothing, 0 and less leave black (`ImageOps.posterize`). */
export function posterize(source: Image, bits: number): Image {
  if (bits >= 8) return source;
  const mask = ~(2 ** (8 - bits) - 1);
  return mapBytes(
    source,
    Uint8Array.from({ length: 256 }, (_, i) => i & mask),
  );
}

/** Bytes from `threshold` on inverted (`ImageOps.solarize`). */
export function solarize(source: Image, threshold: number): Image {
  return mapBytes(
    source,
    Uint8Array.from({ length: 256 }, (_, i) => (i < threshold ? i : 255 - i)),
  );
}

/** `add` added to bytes below `threshold`, at most 255 (timm's `solarize_add`). */
export function solarizeAdd(source: Image, add: number, threshold = 128): Image {
  return mapBytes(
    source,
    Uint8Array.from({ length: 256 }, (_, i) => (i < threshold ? Math.min(255, i + add) : i)),
  );
}
