import { expect, test } from "vitest";
import { crc32c, maskedCrc32c } from "../../src/files/crc32c.ts";
import { slowCrc32c } from "../train/tensorboard-reader.ts";

test("the checksum is the one of RFC 3720", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  const bytes = Uint8Array.from({ length: 999 }, (_, i) => (i * i) & 255);
  expect(crc32c(bytes)).toBe(slowCrc32c(bytes));
});

test("masking is undone by TensorFlow's rule", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const turned = (maskedCrc32c(bytes) - 0xa282ead8) >>> 0;
  expect(((turned >>> 17) | (turned << 15)) >>> 0).toBe(crc32c(bytes));
});
