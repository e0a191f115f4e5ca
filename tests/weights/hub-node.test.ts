import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { downloadFile, downloadModel } from "../../src/weights/hub-node.ts";
import { type HubOptions, type HubProgress, hubOptionsFromEnvironment } from "../../src/weights/hub-options-node.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const big = new Uint8Array(300_000).map((_, i) => (i * 31) % 251);
const sha256 = createHash("sha256").update(big).digest("hex");
const small = new TextEncoder().encode('{"architecture":"vit"}');
const gitSha1 = createHash("sha1").update(`blob ${small.length}\0`).update(small).digest("hex");

type Handler = (request: IncomingMessage, response: ServerResponse, url: string) => boolean | undefined;

let folder: string;
let server: Server;
let seen: string[];
/** Answers before the ordinary hub does; true when it has answered. */
let fault: Handler;
let options: HubOptions;
const call = { retryDelayMs: 1 };

function ordinary(request: IncomingMessage, response: ServerResponse, url: string): void {
  const [, , , , revision, file] = /^\/(\w+)\/(\w+)\/(resolve)\/([^/]+)\/(.+)$/.exec(url) ?? [];
  const bytes =
    file === "model.safetensors" ? big : file === "config.json" || file === "deep/er.json" ? small : undefined;
  response.setHeader("x-repo-commit", commit);
  if (!/^\/org\/name\//.test(url)) return void response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
  if (revision !== "main" && revision !== commit)
    return void response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
  if (!bytes) return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
  if (bytes === big) response.setHeader("x-linked-etag", `"${sha256}"`).setHeader("x-linked-size", big.length);
  else response.setHeader("etag", `W/"${gitSha1}"`);
  if (request.method === "HEAD") return void response.setHeader("content-length", bytes.length).end();
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const from = Number(start ?? 0);
  if (start !== undefined)
    response.writeHead(206, { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
  response.end(bytes.subarray(from));
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const result = createServer(handler);
  await new Promise<void>((done) => result.listen(0, "127.0.0.1", done));
  return result;
}
const addressOf = (one: Server) => `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
async function close(one: Server): Promise<void> {
  one.closeAllConnections();
  await new Promise((done) => one.close(done));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "vitrine-hub-"));
  seen = [];
  fault = () => false;
  server = await listen((request, response) => {
    const url = request.url ?? "";
    seen.push(`${request.method} ${url} ${request.headers.range ?? ""} ${request.headers.authorization ?? ""}`.trim());
    if (!fault(request, response, url)) ordinary(request, response, url);
  });
  options = { endpoint: addressOf(server), cache: folder, offline: false, token: undefined };
});
afterEach(async () => {
  await close(server);
  rmSync(folder, { recursive: true });
});

const model = { repo: "org/name", file: "model.safetensors" };
const storage = () => join(folder, "models--org--name");
const gets = () => seen.filter((line) => line.startsWith("GET"));
const blobs = () => readdirSync(join(storage(), "blobs"));

/** Cuts an answer once its bytes lie on the disk: what still waits in the client's memory is lost with the connection. */
function cutOnceStored(response: ServerResponse, bytes: number): void {
  const part = blobs().find((name) => name.endsWith(".incomplete"));
  if (part && statSync(join(storage(), "blobs", part)).size >= bytes) response.destroy();
  else setTimeout(() => cutOnceStored(response, bytes), 2);
}

test("a file arrives under the hub's own cache layout, with a relative link", async () => {
  const progress: HubProgress[] = [];
  const result = await downloadFile(model, options, { ...call, onProgress: (event) => progress.push(event) });
  expect(result).toEqual({ path: join(storage(), "snapshots", commit, "model.safetensors"), commit });
  expect(readFileSync(result.path).equals(big)).toBe(true);
  expect(readlinkSync(result.path)).toBe(`../../blobs/${sha256}`);
  expect(readFileSync(join(storage(), "refs/main"), "utf8")).toBe(commit);
  expect(blobs()).toEqual([sha256]);
  expect(progress.at(-1)).toEqual({ file: "model.safetensors", status: "done", loaded: big.length, total: big.length });
  expect(progress.length).toBeGreaterThan(1);
  const deep = await downloadFile({ repo: "org/name", file: "deep/er.json" }, options, call);
  expect(readlinkSync(deep.path)).toBe(`../../../blobs/${gitSha1}`);
});

test("a file that is there is not fetched again, and a commit needs no network at all", async () => {
  await downloadFile(model, options, call);
  seen.length = 0;
  await downloadFile(model, options, call);
  expect(seen).toHaveLength(1);
  await downloadFile({ ...model, revision: commit }, options, call);
  expect(seen).toHaveLength(1);
});

test("a download that is cut goes on where it was cut, as often as it takes", async () => {
  let cuts = 0;
  fault = (request, response, url) => {
    if (request.method !== "GET" || !url.endsWith("safetensors") || cuts >= 20) return false;
    cuts++;
    const from = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
    response.writeHead(from ? 206 : 200, { "content-range": `bytes ${from}-${big.length - 1}/${big.length}` });
    const piece = big.subarray(from, from + 1000 + 137 * cuts);
    response.write(piece, () => cutOnceStored(response, from + piece.length));
    return true;
  };
  const { path } = await downloadFile(model, options, call);
  expect(readFileSync(path).equals(big)).toBe(true);
  expect(cuts).toBe(20);
  expect(gets().at(-1)).toMatch(/bytes=[1-9]\d+-/);
});

test("a server that answers 200 instead of 206 makes it begin again", async () => {
  let first = true;
  fault = (request, response) => {
    if (request.method !== "GET") return false;
    if (first) {
      first = false;
      response.writeHead(200, { "content-length": big.length });
      response.write(big.subarray(0, 5000), () => cutOnceStored(response, 5000));
    } else response.end(big);
    return true;
  };
  const { path } = await downloadFile(model, options, call);
  expect(readFileSync(path).equals(big)).toBe(true);
  expect(gets()[1]).toContain("bytes=5000-");
});

test("an answer for another range than asked makes it begin again", async () => {
  let count = 0;
  fault = (request, response) => {
    if (request.method !== "GET" || ++count > 2) return false;
    if (count === 1) response.write(big.subarray(0, 5000), () => cutOnceStored(response, 5000));
    else response.writeHead(206, { "content-range": `bytes 0-${big.length - 1}/${big.length}` }).end(big);
    return true;
  };
  const { path } = await downloadFile(model, options, call);
  expect(readFileSync(path).equals(big)).toBe(true);
});

test.each([
  ["large", "model.safetensors", big],
  ["small", "config.json", small],
])("a %s file with a wrong checksum is refused and not kept", async (_, file, bytes) => {
  fault = (request, response) => {
    if (request.method !== "GET") return false;
    response.end(bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)));
    return true;
  };
  await expect(downloadFile({ repo: "org/name", file }, options, call)).rejects.toMatchObject({
    code: "DOWNLOAD_FAILURE",
    message: expect.stringContaining("checksum"),
  });
  expect(blobs()).toEqual([]);
  fault = () => false;
  await downloadFile({ repo: "org/name", file }, options, call);
});

test("a file of another size than said is refused and not kept", async () => {
  fault = (request, response) => {
    if (request.method !== "GET") return false;
    response.end(new Uint8Array(big.length + 1));
    return true;
  };
  await expect(downloadFile(model, options, call)).rejects.toMatchObject({ code: "DOWNLOAD_FAILURE" });
  expect(blobs()).toEqual([]);
});

test("what the hub does not have or not give is said in words", async () => {
  await expect(downloadFile({ repo: "org/name", file: "none.txt" }, options, call)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining("no none.txt of org/name@main"),
  });
  await expect(downloadFile({ repo: "org/other", file: "x" }, options, call)).rejects.toThrow(
    /a repository must exist/,
  );
  await expect(downloadFile({ ...model, revision: "v9" }, options, call)).rejects.toThrow(/a revision must exist/);
  fault = (_, response) => {
    response.writeHead(401, { "x-error-code": "GatedRepo" }).end();
    return true;
  };
  await expect(downloadFile(model, options, call)).rejects.toThrow(/GatedRepo.*HF_TOKEN/);
});

test("a busy server is asked again, after as long as it says", async () => {
  let refused = 0;
  // The fifth refusal in a row would be final: three meet the question, three the download.
  fault = (request, response) => {
    const limit = request.method === "HEAD" ? 3 : 6;
    if (refused >= limit) return false;
    response.writeHead([429, 503, 408][refused++ % 3]!, { "retry-after": "0" }).end();
    return true;
  };
  const { path } = await downloadFile(model, options, call);
  expect(readFileSync(path).equals(big)).toBe(true);
  expect(refused).toBe(6);
});

test("a server that stays busy or silent ends in an error", async () => {
  fault = (_, response) => {
    response.writeHead(500).end();
    return true;
  };
  await expect(downloadFile(model, options, call)).rejects.toMatchObject({
    code: "DOWNLOAD_FAILURE",
    message: expect.stringContaining("status 500"),
  });
  expect(seen).toHaveLength(5);
  fault = () => true;
  await expect(downloadFile(model, options, { ...call, timeoutMs: 30 })).rejects.toThrow(/silent for 30 ms/);
});

test("without connection, what the cache has for the revision is used, else the error names the address", async () => {
  const gone = { ...options, endpoint: "http://127.0.0.1:1" };
  await expect(downloadFile(model, gone, call)).rejects.toMatchObject({ code: "DOWNLOAD_FAILURE" });
  const { path } = await downloadFile(model, options, call);
  expect((await downloadFile(model, gone, call)).path).toBe(path);
});

test("offline, the cache alone is used, and what it lacks is said", async () => {
  const offline = { ...options, offline: true };
  await expect(downloadFile(model, offline, call)).rejects.toThrow(
    /offline.*model.safetensors of org\/name@main.*HF_HUB_OFFLINE/s,
  );
  await downloadFile(model, options, call);
  seen.length = 0;
  expect((await downloadFile(model, offline, call)).commit).toBe(commit);
  expect(seen).toEqual([]);
});

test("a redirect to another host gets the bytes but never the token", async () => {
  const authorizations: (string | undefined)[] = [];
  const other = await listen((request, response) => {
    authorizations.push(request.headers.authorization);
    response.end(big);
  });
  fault = (_, response) => {
    response.setHeader("x-repo-commit", commit).setHeader("x-linked-etag", `"${sha256}"`);
    response.writeHead(302, { location: `${addressOf(other).replace("127.0.0.1", "localhost")}/signed` }).end();
    return true;
  };
  const { path } = await downloadFile(model, { ...options, token: "hf_secret" }, call);
  await close(other);
  expect(readFileSync(path).equals(big)).toBe(true);
  expect(authorizations).toEqual([undefined]);
  expect(seen.every((line) => line.endsWith("Bearer hf_secret"))).toBe(true);
});

test("eight downloads of one file at once leave one whole blob", async () => {
  const results = await Promise.all(Array.from({ length: 8 }, () => downloadFile(model, options, call)));
  expect(new Set(results.map(({ path }) => path)).size).toBe(1);
  expect(readFileSync(results[0]!.path).equals(big)).toBe(true);
  expect(blobs()).toEqual([sha256]);
  expect(readdirSync(join(storage(), "snapshots", commit))).toEqual(["model.safetensors"]);
});

test("a download stops on request and leaves nothing behind", async () => {
  const stop = new AbortController();
  fault = (request, response) => {
    if (request.method !== "GET") return false;
    response.write(big.subarray(0, 1000));
    return true;
  };
  const running = downloadFile(model, options, { ...call, signal: stop.signal, onProgress: () => stop.abort() });
  await expect(running).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(blobs()).toEqual([]);
});

test("names from outside never lead out of the cache", async () => {
  for (const target of [
    { repo: "org/name", file: "../../x" },
    { repo: "org/name", file: "/etc/passwd" },
    { repo: "org/name", file: "a//b" },
    { repo: "../name", file: "x" },
    { repo: "org/name", file: "x", revision: "../../x" },
    { repo: "org", file: "x" },
  ])
    await expect(downloadFile(target, options, call)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(seen).toEqual([]);
  fault = (_, response) => {
    response.setHeader("x-repo-commit", commit).setHeader("etag", '"../../evil"').end();
    return true;
  };
  await expect(downloadFile(model, options, call)).rejects.toMatchObject({ code: "UNSAFE_FILE" });
});

test("a cache that cannot be written is an error, not a crash", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(downloadFile(model, { ...options, cache: join(folder, "file") }, call)).rejects.toMatchObject({
    code: "STORAGE_FAILURE",
  });
});

test("a model's files come together, of one commit", async () => {
  const { path } = await downloadModel({ repo: "org/name" }, options, call);
  expect(readdirSync(path).sort()).toEqual(["config.json", "model.safetensors"]);
  expect(gets().every((line) => line.includes(`/resolve/${commit}/`))).toBe(true);
  seen.length = 0;
  expect((await downloadModel({ repo: "org/name" }, { ...options, offline: true }, call)).path).toBe(path);
  expect(seen).toEqual([]);
});

test("options follow Python's environment variables in Python's order", () => {
  const from = (env: Record<string, string>) => hubOptionsFromEnvironment(env, folder);
  expect(from({})).toEqual({
    endpoint: "https://huggingface.co",
    cache: `${folder}/.cache/huggingface/hub`,
    offline: false,
    token: undefined,
  });
  expect(from({ XDG_CACHE_HOME: "/x" }).cache).toBe("/x/huggingface/hub");
  expect(from({ XDG_CACHE_HOME: "/x", HF_HOME: "~/h" }).cache).toBe(`${folder}/h/hub`);
  expect(from({ HF_HOME: "/h", HF_HUB_CACHE: "/c" }).cache).toBe("/c");
  expect(from({ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }).offline).toBe(false);
  expect(from({ TRANSFORMERS_OFFLINE: "True" }).offline).toBe(true);
  expect(from({ HF_ENDPOINT: "http://mirror/" }).endpoint).toBe("http://mirror");
  expect(() => from({ HF_ENDPOINT: "mirror" })).toThrow(/HF_ENDPOINT.*"mirror"/);
  writeFileSync(join(folder, "t"), "from file\n");
  expect(from({ HF_TOKEN_PATH: join(folder, "t") }).token).toBe("from file");
  expect(from({ HF_TOKEN_PATH: join(folder, "t"), HF_TOKEN: "direct" }).token).toBe("direct");
});
