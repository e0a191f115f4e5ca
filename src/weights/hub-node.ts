/**
 * Files of the Hugging Face hub, kept in the hub's own cache layout and so shared with Python:
 * `models--org--name/blobs/<etag>`, `refs/<revision>` (a commit), `snapshots/<commit>/<file>` → blob.
 *
 * Reference: `huggingface_hub/file_download.py` 1.33. Added: every blob's hash is checked before it gets its name. Node only.
 */

import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import { downloadBlob, inCache, linkBlob } from "./hub-blob-node.ts";
import type { HubCall, HubOptions } from "./hub-options-node.ts";
import { PassingFailure, repeat, request } from "./hub-request-node.ts";
import { parseShardIndex } from "./shards.ts";

/** One file of a repository. */
export interface HubFile {
  /** `org/name`. */
  readonly repo: string;
  /** Path within the repository. */
  readonly file: string;
  /** Branch, tag or commit (default `main`). */
  readonly revision?: string | undefined;
}

/** A file in the cache. */
export interface CachedFile {
  readonly path: string;
  /** The commit that it belongs to; worth recording, since branches move. */
  readonly commit: string;
}

const commitPattern = /^[0-9a-f]{40}$/;

function requireSafe({ repo, file, revision = "main" }: HubFile): void {
  const part = /^(?!\.{1,2}$)[^\\:\p{Cc}/]{1,255}$/u;
  const safe = (path: string) => path.split("/").every((name) => part.test(name));
  if (!/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/.test(repo) || ![repo, file, revision].every(safe) || /--|\.\./.test(repo))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a hub file has a repository org/name, a revision and a path within it",
      evidence: `got ${JSON.stringify({ repo, file, revision })}`,
    });
}

/**
 * A file of the hub: from the cache where it is known to be current, else downloaded.
 * Without connection, what the cache has for the revision is used.
 * @throws {VitrineError} NOT_FOUND without such a file, DOWNLOAD_FAILURE for refusals, cuts and wrong checksums, STORAGE_FAILURE for a full disk, INTERRUPTED when stopped.
 */
export async function downloadFile(target: HubFile, options: HubOptions, call: HubCall = {}): Promise<CachedFile> {
  const found = await findFile(target, options, call);
  if (found) return found;
  const { repo, file, revision = "main" } = target;
  throw new VitrineError("NOT_FOUND", {
    rule: options.offline ? "offline, a file must be in the cache" : "a file must be in the repository",
    evidence: `no ${file} of ${repo}@${revision}`,
    place: options.offline ? options.cache : options.endpoint,
    next: options.offline ? "go online once (unset HF_HUB_OFFLINE) or copy the cache" : undefined,
  });
}

/** As `downloadFile`, but undefined where the repository (offline: the cache) does not have the file. */
async function findFile(target: HubFile, options: HubOptions, call: HubCall): Promise<CachedFile | undefined> {
  requireSafe(target);
  const { repo, file, revision = "main" } = target;
  const folder = join(options.cache, `models--${repo.replace("/", "--")}`);
  const cached = await cachedFile(folder, revision, file);
  const done = (result: CachedFile, size: number): CachedFile => {
    call.onProgress?.({ file, status: "cached", loaded: size, total: size });
    return result;
  };
  if (options.offline || (cached && commitPattern.test(revision))) return cached && done(cached, cached.size);

  let remote: Remote | undefined;
  try {
    remote = await repeat(() => describeRemote(target, options, call), call, cached ? 1 : undefined);
  } catch (error) {
    // The server is out of reach, not against it: the last known state of the revision serves.
    if (error instanceof PassingFailure && cached) return done(cached, cached.size);
    throw error;
  }
  if (!remote) return undefined;
  const { commit, etag, size } = remote;
  const blob = join(folder, "blobs", etag);
  const pointer = join(folder, "snapshots", commit, file);
  const known = await stat(pointer).catch(() => undefined);
  if (!known) {
    if (await stat(blob).catch(() => undefined))
      call.onProgress?.({ file, status: "cached", loaded: size ?? 0, total: size });
    else await downloadBlob({ url: address(options, repo, commit, file), blob, etag, size, file }, options, call);
    await linkBlob(blob, pointer);
  }
  if (revision !== commit) await writeRef(join(folder, "refs", revision), commit);
  return known ? done({ path: pointer, commit }, known.size) : { path: pointer, commit };
}

async function cachedFile(
  folder: string,
  revision: string,
  file: string,
): Promise<(CachedFile & { size: number }) | undefined> {
  let commit = revision;
  if (!commitPattern.test(revision)) {
    commit = (await readFile(join(folder, "refs", revision), "utf8").catch(() => "")).trim();
    if (!commitPattern.test(commit)) return undefined;
  }
  const path = join(folder, "snapshots", commit, file);
  const found = await stat(path).catch(() => undefined);
  return found && { path, commit, size: found.size };
}

async function writeRef(path: string, commit: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => "")) === commit) return;
  await inCache(path, () => mkdir(dirname(path), { recursive: true }));
  await writeFileAtomically(path, [new TextEncoder().encode(commit)]);
}

function address({ endpoint }: HubOptions, repo: string, revision: string, file: string): string {
  return `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${file.split("/").map(encodeURIComponent).join("/")}`;
}

/** What the server says of a file. */
interface Remote {
  readonly commit: string;
  readonly etag: string;
  readonly size: number | undefined;
}

/** The hub describes a file in the headers of its first answer, before it redirects to where the bytes are. */
async function describeRemote(target: HubFile, options: HubOptions, call: HubCall): Promise<Remote | undefined> {
  const { repo, file, revision = "main" } = target;
  let url = address(options, repo, revision, file);
  const origin = new URL(options.endpoint).origin;
  for (let hop = 0; hop < 5; hop++) {
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (options.token && new URL(url).origin === origin) headers.authorization = `Bearer ${options.token}`;
    const answer = await request(url, { method: "HEAD", headers, redirect: "manual" }, call);
    const { status } = answer;
    const commit = answer.headers.get("x-repo-commit");
    const redirected = status >= 300 && status < 400;
    if (status >= 400) {
      if (status === 404 && answer.headers.get("x-error-code") === "EntryNotFound") return undefined;
      throw refusal(status, answer.headers.get("x-error-code"), target, options);
    }
    const etag = (answer.headers.get("x-linked-etag") ?? (redirected ? null : answer.headers.get("etag")))
      ?.replace(/^W\//, "")
      .replaceAll('"', "");
    if (commit !== null && etag !== undefined) {
      if (!commitPattern.test(commit) || !/^[A-Za-z0-9._-]{4,128}$/.test(etag))
        throw new VitrineError("UNSAFE_FILE", {
          rule: "commit and etag must be plain words, since they name files",
          evidence: `got ${JSON.stringify({ commit, etag })}`,
          place: url,
        });
      const size = Number(
        answer.headers.get("x-linked-size") ?? (redirected ? null : answer.headers.get("content-length")) ?? -1,
      );
      return { commit, etag, size: Number.isSafeInteger(size) && size >= 0 ? size : undefined };
    }
    const location = answer.headers.get("location");
    if (!redirected || location === null) break;
    url = new URL(location, url).href;
  }
  throw new VitrineError("DOWNLOAD_FAILURE", {
    rule: "a hub must say commit and etag of a file",
    place: url,
    next: "check HF_ENDPOINT, proxy and firewall",
  });
}

function refusal(
  status: number,
  code: string | null,
  { repo, revision = "main" }: HubFile,
  options: HubOptions,
): VitrineError {
  const evidence = `status ${status}${code ? ` (${code})` : ""} for ${repo}@${revision}`;
  const place = options.endpoint;
  if (status === 404)
    return new VitrineError("NOT_FOUND", {
      rule: code === "RevisionNotFound" ? "a revision must exist" : "a repository must exist",
      evidence,
      place,
      next: "check the spelling",
    });
  return new VitrineError("DOWNLOAD_FAILURE", {
    rule: "a repository must exist and be open to you",
    evidence,
    place,
    next: options.token
      ? "check the spelling, the token's rights and, for gated models, that you accepted the terms"
      : "check the spelling; for private and gated models set HF_TOKEN",
  });
}

/** What makes ids of texts; which of these a model of words has depends on its publisher. */
const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"] as const;

/**
 * The files of a model that loading needs: `config.json`, `preprocessor_config.json` or, of a model of words, the tokenizer's files, where there are any, and the weights
 * (`model.safetensors`, else its shards, else `pytorch_model.bin`). All are of one commit.
 * @returns The folder that holds them, and the commit.
 * @throws {VitrineError} as `downloadFile`; NOT_FOUND for a repository without weights.
 */
export async function downloadModel(
  target: Omit<HubFile, "file">,
  options: HubOptions,
  call: HubCall = {},
): Promise<CachedFile> {
  const config = await downloadFile({ ...target, file: "config.json" }, options, call);
  const find = (file: string) => findFile({ repo: target.repo, revision: config.commit, file }, options, call);
  const result = { path: dirname(config.path), commit: config.commit };
  const isOfWords = (await readFile(config.path, "utf8")).includes('"vocab_size"');
  for (const file of isOfWords ? tokenizerFiles : ["preprocessor_config.json"]) await find(file);
  if (await find("model.safetensors")) return result;
  const index = await find("model.safetensors.index.json");
  if (index) {
    const shards = new Set(parseShardIndex(await readFile(index.path), index.path).values());
    for (const file of shards) await downloadFile({ repo: target.repo, revision: config.commit, file }, options, call);
    return result;
  }
  if (await find("pytorch_model.bin")) return result;
  throw new VitrineError("NOT_FOUND", {
    rule: "a repository must hold model.safetensors, its shards, or pytorch_model.bin",
    evidence: `none in ${target.repo}@${config.commit.slice(0, 8)}`,
    place: options.offline ? options.cache : options.endpoint,
  });
}
