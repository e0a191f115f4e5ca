import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBmp } from "../../src/data/bmp.ts";
import { decodeImage, encodeJpeg, encodePng } from "../../src/data/decode-node.ts";
import { image } from "../../src/data/image.ts";
import { VitrineError } from "../../src/errors.ts";

const files = JSON.parse(readFileSync(new URL("golden/decode.json", import.meta.url), "utf8")) as Record<
  string,
  { bytes: string; width: number; height: number; rgb: string }
>;

/** Largest difference in grey levels: AVIF's halved colour planes are enlarged by another rule than Pillow's. All others must be equal. */
const tolerance: Readonly<Record<string, number>> = { "quality90.avif": 10 };

test.for(Object.entries(files))("%s decodes to the pixels that Pillow reads", async ([name, want]) => {
  const got = await decodeImage(Buffer.from(want.bytes, "base64"), { name });
  expect([got.width, got.height, got.channels]).toEqual([want.width, want.height, 3]);
  const rgb = Buffer.from(want.rgb, "base64");
  const largest = got.data.reduce((max, byte, i) => Math.max(max, Math.abs(byte - rgb[i]!)), 0);
  expect(largest).toBeLessThanOrEqual(tolerance[name] ?? 0);
});

test.for(Object.entries(files))(
  "%s cut off is refused by name, or was whole without its last bytes",
  async ([name, want]) => {
    const bytes = Buffer.from(want.bytes, "base64");
    const results = new Set<string>();
    for (const share of [0, 0.1, 0.3, 0.5, 0.7]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share));
      await decodeImage(cut, { name }).then(
        () => results.add("read"),
        (error: unknown) => {
          expect(error).toBeInstanceOf(VitrineError);
          expect((error as VitrineError).code).toBe("INVALID_FILE");
          expect((error as VitrineError).message).toContain(name);
          results.add("refused");
        },
      );
    }
    expect(results).toContain("refused");
  },
);

test("a BMP of arbitrary bytes is read or refused, and nothing else happens", () => {
  const seed = Buffer.from(files["rle4.bmp"]!.bytes, "base64");
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 8 }), (edits) => {
      const bytes = Uint8Array.from(seed);
      for (const [at, byte] of edits) bytes[at] = byte;
      try {
        const got = decodeBmp(bytes, "fuzzed.bmp", 10_000);
        expect(got.data.length).toBe(got.width * got.height * 3);
      } catch (error) {
        expect(error).toBeInstanceOf(VitrineError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("PNG written is PNG read, grey and colour; JPEG comes close", async () => {
  const rgb = image(
    3,
    2,
    3,
    Uint8Array.from({ length: 18 }, (_, i) => i * 14),
  );
  expect((await decodeImage(await encodePng(rgb))).data).toEqual(rgb.data);
  const grey = image(2, 2, 1, Uint8Array.of(0, 90, 180, 255));
  expect([...(await decodeImage(await encodePng(grey))).data]).toEqual([
    0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255,
  ]);
  const flat = image(8, 8, 3, new Uint8Array(192).fill(120));
  for (const byte of (await decodeImage(await encodeJpeg(flat))).data) expect(Math.abs(byte - 120)).toBeLessThan(3);
});

test("missing, empty, oversized and foreign files say what is wrong with which", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-decode-"));
  try {
    const at = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const fails = (path: string, options = {}): Promise<VitrineError> =>
      decodeImage(path, options).then(
        () => expect.unreachable(),
        (error: VitrineError) => error,
      );
    expect(await fails(join(folder, "none.jpg"))).toMatchObject({
      code: "NOT_FOUND",
      fields: { evidence: "nothing has this name" },
    });
    expect(await fails(folder)).toMatchObject({ code: "INVALID_FILE", fields: { evidence: "it is a folder" } });
    expect((await fails(at("empty.png", ""))).message).toContain("the file is empty in ");
    expect(
      (await fails(at("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"))).message,
    ).toContain("must be JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF, its first bytes are none of these");
    const photo = await fails(at("photo.jpg", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1")));
    expect(photo.message).toMatch(/its first bytes are HEIC's in .*photo\.jpg; export it as JPEG/);
    const png = at("big.png", await encodePng(image(20, 20, 3, new Uint8Array(1200))));
    expect(await fails(png, { maxPixels: 399 })).toMatchObject({ code: "UNSAFE_FILE" });
    expect(await fails(png, { maxBytes: 10 })).toMatchObject({ code: "UNSAFE_FILE" });
    expect((await decodeImage(png, { maxPixels: 400 })).width).toBe(20);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
