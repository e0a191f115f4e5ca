import fc from "fast-check";
import { expect, test } from "vitest";
import { rgbFromCmyk, rgbFromGrey16, toGrey, toRgb } from "../../src/data/convert.ts";
import { crop, flipHorizontal, type Image, image } from "../../src/data/image.ts";
import { imageFormat } from "../../src/data/image-format.ts";

const anyImage: fc.Arbitrary<Image> = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 9 }),
    channels: fc.constantFrom(1, 3, 4),
  })
  .chain(({ width, height, channels }) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data) => image(width, height, channels as 1 | 3 | 4, data)),
  );

test("luma, CMYK and 16-bit grey become what Pillow makes of them", () => {
  const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 254, 253, 252, 100, 150, 200);
  expect([...toGrey(image(6, 1, 3, rgb)).data]).toEqual([76, 150, 29, 2, 253, 141]);
  const cmyk = Uint8Array.of(0, 0, 0, 0, 10, 20, 30, 40, 255, 0, 128, 200, 1, 254, 77, 3);
  expect([...rgbFromCmyk(4, 1, cmyk).data]).toEqual([255, 255, 255, 207, 198, 190, 0, 55, 27, 251, 1, 176]);
  const grey = rgbFromGrey16(3, 1, Uint16Array.of(7, 0, 255, 0, 256, 0), 2);
  expect([...grey.data]).toEqual([7, 7, 7, 255, 255, 255, 255, 255, 255]);
});

test("alpha is dropped and grey is repeated", () => {
  expect([...toRgb(image(1, 1, 4, Uint8Array.of(9, 8, 7, 0))).data]).toEqual([9, 8, 7]);
  expect([...toRgb(image(2, 1, 1, Uint8Array.of(9, 8))).data]).toEqual([9, 9, 9, 8, 8, 8]);
});

test("grey of what was grey is the same grey", () => {
  for (let byte = 0; byte < 256; byte++) expect(toGrey(toRgb(image(1, 1, 1, Uint8Array.of(byte)))).data[0]).toBe(byte);
});

test("a flip is its own inverse, and exchanges left and right", () => {
  fc.assert(
    fc.property(anyImage, (picture) => {
      expect(flipHorizontal(flipHorizontal(picture))).toEqual(picture);
    }),
  );
  expect([...flipHorizontal(image(2, 1, 3, Uint8Array.of(1, 2, 3, 4, 5, 6))).data]).toEqual([4, 5, 6, 1, 2, 3]);
});

test("a crop beyond the edges holds the image where it is and the fill elsewhere", () => {
  const offset = fc.integer({ min: -12, max: 12 });
  const size = fc.integer({ min: 1, max: 14 });
  fc.assert(
    fc.property(anyImage, offset, offset, size, size, (picture, left, top, width, height) => {
      const fill = [11, 12, 13, 14];
      const got = crop(picture, { left, top, width, height }, fill);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < picture.channels; c++) {
            const [sx, sy] = [x + left, y + top];
            const inside = sx >= 0 && sy >= 0 && sx < picture.width && sy < picture.height;
            const want = inside ? picture.data[(sy * picture.width + sx) * picture.channels + c] : fill[c];
            if (got.data[(y * width + x) * picture.channels + c] !== want) return false;
          }
      return true;
    }),
  );
});

test("an image of the wrong size is refused", () => {
  expect(() => image(2, 2, 3, new Uint8Array(11))).toThrow("2 × 2 with 3 channels has 12 bytes, got 11");
  expect(() => image(0, 2, 3, new Uint8Array(0))).toThrow("must be positive integers, got 0 × 2");
});

test("formats are known by their first bytes", () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
  expect(imageFormat(bytes("\xff\xd8\xff\xe0"))).toBe("jpeg");
  expect(imageFormat(bytes("RIFF....WEBPVP8 "))).toBe("webp");
  expect(imageFormat(bytes("\0\0\0\x1cftypavif"))).toBe("avif");
  for (const other of ["", "<svg xmlns=", "%PDF-1.7", "RIFF....WAVE", "\0\0\0\x1cftypheic", "BM is a firm", "8BPS"])
    expect(imageFormat(bytes(other)), other).toBeUndefined();
});
