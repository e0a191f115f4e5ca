import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { datasetCacheFromEnvironment, download } from "../../../src/data/datasets/download-node.ts";
import { type NamedDataset, namedDatasets, openNamed } from "../../../src/data/datasets/named-node.ts";
import { openDataset } from "../../../src/data/open-node.ts";
import { tarOf } from "./tar-writer.ts";

let root: string;
let server: Server;
let base: string;
/** What the server has, and what it was asked. */
let files: Map<string, Uint8Array>;
let asked: { path: string; range: string | undefined }[];
/** Bytes after which the connection breaks, for the next answers in turn. */
let cuts: (number | undefined)[];
let ranges: boolean;
/** The answer to break off, when the client has all that was sent of it: a client drops what it has not read yet. */
let breakOff: { at: number; now: () => void } | undefined;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "vitrine-download-"));
  [files, asked, cuts, ranges] = [new Map(), [], [], true];
  server = createServer((request, response) => {
    const { range } = request.headers;
    asked.push({ path: request.url!, range });
    const bytes = files.get(request.url!);
    if (!bytes) return void response.writeHead(404).end();
    const start = range && ranges ? Number(/\d+/.exec(range)![0]) : 0;
    if (range && start >= bytes.length)
      return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    const rest = bytes.subarray(start);
    response.writeHead(range && ranges ? 206 : 200, {
      "content-length": rest.length,
      ...(range && ranges ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    const cut = cuts.shift();
    if (cut === undefined) response.end(rest);
    else {
      breakOff = { at: start + cut, now: () => response.destroy() };
      if (cut === 0) response.destroy();
      else response.write(rest.subarray(0, cut));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

const content = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
const quick = {
  retryDelayMs: 1,
  onProgress: ({ loaded }: { readonly loaded: number }): void => {
    if (breakOff?.at === loaded) breakOff.now();
  },
};
const remote = (path: string, bytes: Uint8Array) => ({
  url: `${base}${path}`,
  checksum: ["sha256", sha256(bytes)] as const,
});

test("a file is fetched once, with progress", async () => {
  files.set("/a", content);
  const seen: number[] = [];
  await download(remote("a", content), join(root, "x/a"), { ...quick, onProgress: ({ loaded }) => seen.push(loaded) });
  expect(readFileSync(join(root, "x/a")).equals(content)).toBe(true);
  expect(seen.at(-1)).toBe(content.length);
  await download(remote("a", content), join(root, "x/a"), quick);
  expect([asked.length, readdirSync(join(root, "x"))]).toEqual([1, ["a"]]);
});

test("a connection that breaks is taken up where it broke", async () => {
  files.set("/a", content);
  cuts = [40_000, 30_000];
  await download(remote("a", content), join(root, "a"), quick);
  expect(readFileSync(join(root, "a")).equals(content)).toBe(true);
  expect(asked.map(({ range }) => range)).toEqual([undefined, "bytes=40000-", "bytes=70000-"]);
});

test("what came before a failure is used by the next call, also where all had come", async () => {
  files.set("/a", content);
  cuts = [40_000, 0, 0, 0];
  await expect(download(remote("a", content), join(root, "a"), quick)).rejects.toMatchObject({
    code: "DOWNLOAD_FAILURE",
  });
  expect(readdirSync(root)).toEqual(["a.incomplete"]);
  asked = [];
  cuts = [];
  await download(remote("a", content), join(root, "a"), quick);
  expect(asked[0]!.range).toBe("bytes=40000-");
  expect(readdirSync(root)).toEqual(["a"]);
  writeFileSync(join(root, "b.incomplete"), content);
  await download(remote("a", content), join(root, "b"), quick);
  expect(readFileSync(join(root, "b")).equals(content)).toBe(true);
});

test("a server without ranges is asked for all again", async () => {
  files.set("/a", content);
  ranges = false;
  cuts = [40_000];
  await download(remote("a", content), join(root, "a"), quick);
  expect(readFileSync(join(root, "a")).equals(content)).toBe(true);
});

test("a wrong checksum is refused and nothing is left, also of what an earlier call kept", async () => {
  files.set("/a", content.subarray(1));
  writeFileSync(join(root, "a.incomplete"), "something else");
  await expect(download(remote("a", content), join(root, "a"), quick)).rejects.toThrow(
    "the sha256 that its publisher says",
  );
  expect(readdirSync(root)).toEqual([]);
});

test("a file that is not there is not asked for again; a stopped download says so", async () => {
  await expect(download(remote("none", content), join(root, "a"), quick)).rejects.toThrow("status 404");
  expect(asked.length).toBe(1);
  files.set("/a", content);
  const stop = new AbortController();
  const onProgress = () => stop.abort();
  await expect(
    download(remote("a", content), join(root, "a"), { ...quick, signal: stop.signal, onProgress }),
  ).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(existsSync(join(root, "a"))).toBe(false);
});

test("two downloads of one file at once do not disturb each other", async () => {
  files.set("/a", content);
  await Promise.all([1, 2, 3].map(() => download(remote("a", content), join(root, "a"), quick)));
  expect(readFileSync(join(root, "a")).equals(content)).toBe(true);
  expect(readdirSync(root)).toEqual(["a"]);
});

function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x0800 + shape.length);
  shape.forEach((size, axis) => {
    header.setUint32(4 + 4 * axis, size);
  });
  return gzipSync(Uint8Array.of(...new Uint8Array(header.buffer), ...data));
}

/** A data set like the named one, with small files. */
function small(name: string, contents: Readonly<Record<string, Uint8Array>>): NamedDataset {
  const set = namedDatasets.find((candidate) => candidate.name === name)!;
  for (const [file, bytes] of Object.entries(contents)) files.set(`/${file}`, bytes);
  return { ...set, files: set.files.map(([file]) => [file, "md5", md5(contents[file]!)] as const) };
}

const options = () => ({ ...quick, cache: { folder: join(root, "cache"), offline: false }, mirror: base });

test("MNIST is fetched into the cache once; then the network is not needed", async () => {
  const set = small("mnist", {
    "train-images-idx3-ubyte.gz": idx([3, 2, 2], new Uint8Array(12)),
    "train-labels-idx1-ubyte.gz": idx([3], Uint8Array.of(1, 2, 9)),
    "t10k-images-idx3-ubyte.gz": idx([1, 2, 2], new Uint8Array(4)),
    "t10k-labels-idx1-ubyte.gz": idx([1], Uint8Array.of(4)),
  });
  const { train, test: held } = await openNamed(set, options());
  expect([train.length, train.labelOf(2), held!.labelOf(0), asked.length]).toEqual([3, 9, 4, 4]);
  const again = await openNamed(set, { ...options(), cache: { folder: join(root, "cache"), offline: true } });
  expect([again.train.length, asked.length]).toEqual([3, 4]);
});

test("CIFAR archives are unpacked into the cache", async () => {
  const record10 = Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 7 : i % 251));
  const archive10 = tarOf([
    { name: "cifar-10-batches-bin/data_batch_1.bin", content: record10 },
    { name: "cifar-10-batches-bin/test_batch.bin", content: record10 },
    { name: "cifar-10-batches-bin/readme.html", content: "x" },
  ]);
  const ten = await openNamed(small("cifar10", { "cifar-10-binary.tar.gz": gzipSync(archive10) }), options());
  expect([ten.train.length, ten.test!.length, ten.train.labelOf(0)]).toEqual([1, 1, 7]);
  const record100 = Uint8Array.of(3, 99, ...record10.subarray(1));
  const archive100 = tarOf([
    { name: "cifar-100-binary/train.bin", content: record100 },
    { name: "cifar-100-binary/test.bin", content: record100 },
    {
      name: "cifar-100-binary/fine_label_names.txt",
      content: Array.from({ length: 100 }, (_, i) => `c${i}\n`).join(""),
    },
  ]);
  const hundred = await openNamed(small("cifar100", { "cifar-100-binary.tar.gz": gzipSync(archive100) }), options());
  expect([hundred.train.classes.length, hundred.train.labelOf(0), hundred.test!.length]).toEqual([100, 99, 1]);
  expect((await hundred.train.get(0)).image.data).toEqual((await ten.train.get(0)).image.data);
  expect(readdirSync(join(root, "cache/datasets/cifar100"))).toEqual(["cifar-100-binary"]);
  await openNamed(small("cifar100", { "cifar-100-binary.tar.gz": gzipSync(archive100) }), options());
  expect(asked.length).toBe(2);
});

test("without network, the files to put by hand are named; offline, nothing is asked", async () => {
  const set = namedDatasets.find(({ name }) => name === "mnist")!;
  await expect(openNamed(set, { ...options(), mirror: "http://127.0.0.1:1/" })).rejects.toThrow(
    /put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, .* into a folder \(from https:.*\) and give it by --data-dir/,
  );
  await expect(openDataset("fashion-mnist", { cache: root, offline: true, mirror: base })).rejects.toMatchObject({
    code: "NOT_FOUND",
    fields: { next: expect.stringContaining("unset HF_HUB_OFFLINE") },
  });
  mkdirSync(join(root, "empty"));
  await expect(openDataset("cifar10", { dataDir: join(root, "empty"), mirror: base })).rejects.toMatchObject({
    code: "NOT_FOUND",
    fields: { next: expect.stringContaining("cifar-10-binary.tar.gz") },
  });
  expect(asked).toEqual([]);
});

test("the cache is where the environment says", () => {
  expect(datasetCacheFromEnvironment({}, "/home/x")).toEqual({ folder: "/home/x/.cache/vitrine", offline: false });
  expect(datasetCacheFromEnvironment({ XDG_CACHE_HOME: "/c", HF_HUB_OFFLINE: "1" }, "/h")).toEqual({
    folder: "/c/vitrine",
    offline: true,
  });
  expect(datasetCacheFromEnvironment({ VITRINE_CACHE: "~/v" }, "/h").folder).toBe("/h/v");
});
