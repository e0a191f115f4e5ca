import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import type { Context } from "../../src/cli/context.ts";
import { downloadNotes } from "../../src/cli/model.ts";
import { wordsFolder } from "../../src/cli/words.ts";
import { temporaryFolder } from "./process.ts";

afterEach(() => vi.unstubAllEnvs());

/** A terminal that keeps what it is told, in order. */
function recorder(): { readonly said: string[]; readonly context: Pick<Context, "terminal"> } {
  const said: string[] = [];
  const terminal = {
    note: (text: string) => said.push(text),
    progress: async (label: string, total: number) => {
      said.push(`bar: ${label} of ${total}`);
      return {
        update: (done: number, details: string) => said.push(`${done} ${details.replace(/[\d.]+ .?B\/s/, "RATE")}`),
        note: () => {},
        stop: () => said.push("stop"),
      };
    },
  };
  return { said, context: { terminal } as unknown as Pick<Context, "terminal"> };
}

const large = { file: "model.safetensors", total: 40_000_000 } as const;

test("a large file's download moves a bar in megabytes, and ends it", async () => {
  const { said, context } = recorder();
  const tell = downloadNotes(context);
  tell({ ...large, status: "download", loaded: 1_000_000 });
  await Promise.resolve();
  tell({ ...large, status: "download", loaded: 20_000_000 });
  tell({ ...large, status: "done", loaded: 40_000_000 });
  tell.stop();
  expect(said).toEqual([
    "downloading model.safetensors (40 MB)",
    "bar: model.safetensors of 40",
    expect.stringMatching(/^20 MB {2}RATE {2}[\d.]+ s left$/),
    "stop",
    "downloaded model.safetensors (40 MB)",
  ]);
});

test("a download that ends early takes its bar along, even one that is not there yet", async () => {
  const { said, context } = recorder();
  const tell = downloadNotes(context);
  tell({ ...large, status: "download", loaded: 1_000_000 });
  tell.stop();
  await Promise.resolve();
  await Promise.resolve();
  expect(said.at(-1)).toBe("stop");
});

test("small files, files of unknown size and files beside another one are told in two lines", () => {
  const { said, context } = recorder();
  const tell = downloadNotes(context);
  tell({ ...large, status: "download", loaded: 1 });
  for (const [file, total] of [
    ["config.json", 700],
    ["other.bin", undefined],
    ["second.safetensors", 50_000_000],
  ] as const) {
    tell({ file, total, status: "download", loaded: 1 });
    tell({ file, total, status: "done", loaded: 700 });
  }
  tell({ file: "old.json", total: 5, status: "cached", loaded: 5 });
  expect(said.slice(2)).toEqual([
    "downloading config.json (700 bytes)",
    "downloaded config.json (700 bytes)",
    "downloading other.bin",
    "downloaded other.bin (700 bytes)",
    "downloading second.safetensors (50 MB)",
    "downloaded second.safetensors (700 bytes)",
  ]);
});

test("a model of words whose download is stopped leaves no bar", async () => {
  const stop = new AbortController();
  const [total, json] = [40_000_000, "{}"];
  const gitSha1 = createHash("sha1").update(`blob ${json.length}\0${json}`).digest("hex");
  const server = createServer((request, response) => {
    const large = request.url!.endsWith("/model.safetensors");
    const there = large || request.url!.endsWith("/config.json");
    if (!there) return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    response.setHeader("x-repo-commit", "0".repeat(40)).setHeader("content-length", large ? total : json.length);
    response.setHeader(large ? "x-linked-etag" : "etag", large ? `"${"0".repeat(64)}"` : `"${gitSha1}"`);
    if (large) response.setHeader("x-linked-size", total);
    if (request.method === "HEAD") return void response.end();
    if (!large) return void response.end(json);
    response.write(new Uint8Array(100_000));
    setTimeout(() => stop.abort(), 200);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("HF_HUB_CACHE", temporaryFolder());
  const { said, context } = recorder();
  await expect(wordsFolder({ ...context, signal: stop.signal } as Context, "org/name")).rejects.toThrow();
  server.closeAllConnections();
  server.close();
  expect(said).toContain("bar: model.safetensors of 40");
  expect(said.at(-1)).toBe("stop");
});
