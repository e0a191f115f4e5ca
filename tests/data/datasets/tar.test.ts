import fc from "fast-check";
import { expect, test } from "vitest";
import { readTar, streamCursor, type TarEntry } from "../../../src/data/datasets/tar.ts";
import { keyAndEnding, readSamples, type WebSample } from "../../../src/data/datasets/web-dataset.ts";
import { VitrineError } from "../../../src/errors.ts";
import { tarOf } from "./tar-writer.ts";

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function entries(bytes: Uint8Array, chunk = 700): Promise<{ name: string; start: number; text: string }[]> {
  const out = [];
  for await (const entry of readTar(streamCursor(inChunks(bytes, chunk)), "a.tar"))
    out.push({ name: entry.name, start: entry.start, text: new TextDecoder().decode(await entry.read()) });
  return out;
}

async function samples(files: Parameters<typeof tarOf>[0], read = false): Promise<WebSample[]> {
  const out: WebSample[] = [];
  for await (const sample of readSamples(streamCursor(inChunks(tarOf(files), 999)), "a.tar", read)) out.push(sample);
  return out;
}

test("files come back as they were put in, whatever the size of the chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,20}$/), fc.stringMatching(/^[a-z]{0,1200}$/)), { maxLength: 6 }),
      fc.integer({ min: 1, max: 3000 }),
      async (files, chunk) => {
        const found = await entries(tarOf(files.map(([name, content]) => ({ name, content }))), chunk);
        expect(found.map(({ name, text }) => [name, text])).toEqual(files);
      },
    ),
    { numRuns: 50 },
  );
});

test("an entry that is not read is passed over, and its place is told", async () => {
  const bytes = tarOf([
    { name: "a", content: "x".repeat(1000) },
    { name: "b", content: "yes" },
  ]);
  const found: TarEntry[] = [];
  for await (const entry of readTar(streamCursor(inChunks(bytes, 100)), "a.tar")) found.push(entry);
  expect(found.map(({ name, size, start }) => [name, size, start])).toEqual([
    ["a", 1000, 512],
    ["b", 3, 512 + 1024 + 512],
  ]);
  expect(new TextDecoder().decode(bytes.subarray(2048, 2051))).toBe("yes");
});

test("archives that are cut off anywhere are refused, except where only the end mark is missing", async () => {
  const whole = tarOf([{ name: "a", content: "x".repeat(600) }]);
  for (const length of [0, 1, 300, 511, 513, 1000, 1535])
    await expect(entries(whole.subarray(0, length)), `${length}`).rejects.toMatchObject({
      code: "INVALID_FILE",
      fields: { rule: "a tar archive must be whole", place: "a.tar" },
    });
  expect(await entries(whole.subarray(0, 1536))).toHaveLength(1);
  expect(await entries(whole.subarray(0, 2048))).toHaveLength(1);
});

test("any changed byte of a header is noticed", async () => {
  const whole = tarOf([{ name: "0001.cls", content: "3" }]);
  await fc.assert(
    fc.asyncProperty(fc.nat(511), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = Uint8Array.from(whole);
      bytes[at] = bytes[at]! ^ change;
      const result = await entries(bytes).catch((error: unknown) => error);
      // Within the checksum's own field, another way to write the same number is as good.
      if (at >= 148 && at < 156 && Array.isArray(result)) return;
      expect(result).toBeInstanceOf(VitrineError);
    }),
    { numRuns: 200 },
  );
  await expect(entries(new TextEncoder().encode("<html>".repeat(200)))).rejects.toThrow("give a tar archive");
});

test("names that lead out of the archive are refused", async () => {
  for (const name of ["../a.jpg", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", ""])
    await expect(entries(tarOf([{ name, content: "x" }])), name).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  expect((await entries(tarOf([{ name: "./a..b/...c", content: "x" }])))[0]!.name).toBe("./a..b/...c");
});

test("sizes that the file cannot have reserve no memory", async () => {
  const huge = { name: "a.jpg", content: "x", size: 8 ** 11 - 1 };
  await expect(entries(tarOf([huge]))).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  await expect(entries(tarOf([{ ...huge, size: 200 * 2 ** 20 }]))).rejects.toMatchObject({ code: "INVALID_FILE" });
  await expect(entries(tarOf([{ ...huge, type: "L" }]))).rejects.toMatchObject({ code: "UNSAFE_FILE" });
  await expect(samples([{ name: "a.cls", content: "x", size: 2 ** 30 }])).rejects.toMatchObject({
    code: "INVALID_FILE",
  });
});

test("pax attributes give long names; broken ones are refused", async () => {
  const name = `${"ö".repeat(120)}.jpg`;
  const record = (text: string): string => {
    const length = new TextEncoder().encode(text).length + 2;
    return `${length + String(length + 2).length} ${text}\n`;
  };
  const pax = record(`path=${name}`);
  expect(new TextEncoder().encode(pax).length).toBe(Number(pax.split(" ")[0]));
  const found = await entries(
    tarOf([
      { name: "PaxHeader", content: pax, type: "x" },
      { name: "short", content: "x" },
    ]),
  );
  expect(found.map((entry) => entry.name)).toEqual([name]);
  for (const content of ["9999 path=x\n", "x path=y\n", "7 pathx\n", "0 a=b\n", "-4 a=b\n"])
    await expect(entries(tarOf([{ name: "p", content, type: "x" }])), content).rejects.toThrow("pax attribute");
});

test("keys end at the first dot of the last part of a name", () => {
  expect(keyAndEnding("a.b/0001.seg.PNG")).toEqual(["a.b/0001", "seg.png"]);
  expect(keyAndEnding("0001.jpg")).toEqual(["0001", "jpg"]);
  expect(keyAndEnding("README")).toBeUndefined();
  expect(keyAndEnding("a/.hidden")).toBeUndefined();
});

test("samples are runs of one key; .cls goes before .json and .txt; what hides itself is no sample", async () => {
  const found = await samples(
    [
      { name: "1.jpg", content: "one" },
      { name: "1.txt", content: "caption" },
      { name: "1.cls", content: "7\n" },
      { name: "._2.jpg", content: "junk" },
      { name: "2.json", content: '{"caption": "x", "Label": 4}' },
      { name: "2.png", content: "two" },
      { name: "3.cls", content: "1" },
      { name: "4.seg.png", content: "mask" },
      { name: "5.webp", content: "five" },
    ],
    true,
  );
  expect(found.map(({ key, name, label, bytes }) => [key, name, label, new TextDecoder().decode(bytes)])).toEqual([
    ["1", "1.jpg", "7", "one"],
    ["2", "2.png", "4", "two"],
    ["5", "5.webp", undefined, "five"],
  ]);
});

test("two images of one key, and labels that are no JSON, are named", async () => {
  await expect(
    samples([
      { name: "1.jpg", content: "" },
      { name: "1.png", content: "" },
    ]),
  ).rejects.toThrow("1 has 1.jpg and 1.png in a.tar");
  await expect(samples([{ name: "1.json", content: "{" }])).rejects.toMatchObject({
    code: "INVALID_FILE",
    fields: { place: "a.tar/1.json" },
  });
});
