import { expect, test } from "vitest";
import { flipHorizontal, image } from "../../src/data/image.ts";
import { fingerprint, lookDistance, perceptualHash, thumbnailDistance } from "../../src/inspect/fingerprint.ts";
import golden from "./golden/phash.json" with { type: "json" };

/** The pictures of `tools/phash-golden.py`. */
function picture([width, height, a, b, c]: readonly number[]) {
  const data = new Uint8Array(width! * height! * 3);
  for (let y = 0, at = 0; y < height!; y++)
    for (let x = 0; x < width!; x++)
      for (let k = 0; k < 3; k++, at++) data[at] = ((x * x * a! + y * y * b! + x * y * (k + c!)) >> 6) & 255;
  return image(width!, height!, 3, data);
}

const hex = (halves: readonly number[]): string => halves.map((half) => half.toString(16).padStart(8, "0")).join("");

test.each(golden)("the perceptual hash of $picture is imagehash's", ({ picture: sizes, hash }) => {
  expect(hex(perceptualHash(picture(sizes)))).toBe(hash);
});

test("distances count differing bits, the highest included", () => {
  expect(lookDistance([0x80000000, 1], [0, 0])).toBe(2);
  expect(lookDistance([0xffffffff, 0xffffffff], [0, 0])).toBe(64);
});

test("one pixel changes the exact hash, its place and the shape too", () => {
  const one = picture([20, 30, 1, 2, 3]);
  const same = fingerprint({ ...one, data: one.data.slice() });
  expect(same).toEqual(fingerprint(one));
  const changed = one.data.slice();
  changed[100]! ^= 1;
  const others = [{ ...one, data: changed }, flipHorizontal(one), { ...one, width: 30, height: 20 }];
  expect(new Set([same.pixels, ...others.map((other) => fingerprint(other).pixels)]).size).toBe(4);
});

test("thumbnails are compared apart from their brightness and contrast", () => {
  const one = fingerprint(picture([64, 64, 1, 1, 0]));
  const fainter = { ...one, thumbnail: one.thumbnail.map((byte) => byte / 2 + 50) };
  const { thumbnail } = fainter;
  const brightness = thumbnail.reduce((sum, byte) => sum + byte, 0) / thumbnail.length;
  const contrast = thumbnail.reduce((sum, byte) => sum + Math.abs(byte - brightness), 0) / thumbnail.length;
  expect(thumbnailDistance(one, { ...fainter, brightness, contrast })).toBeLessThan(0.05);
  expect(thumbnailDistance(one, fingerprint(picture([64, 64, 7, 3, 2])))).toBeGreaterThan(0.2);
});
