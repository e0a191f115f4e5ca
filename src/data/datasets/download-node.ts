/** Files from the web with known checksums, kept in a folder; what was cut goes on where it stopped. Node only. */

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";

/** A file as its publisher describes it. */
export interface RemoteFile {
  readonly url: string;
  /** Name of the hash and its hexadecimal digits. */
  readonly checksum: readonly [kind: "sha256" | "md5", digits: string];
}

/** What happens to a file, for progress bars; sizes in bytes, `total` undefined until the server tells it. */
export interface DownloadProgress {
  readonly file: string;
  readonly loaded: number;
  readonly total: number | undefined;
}

/** How a download behaves. */
export interface DownloadCall {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Wait before the first repetition, doubled each time (default 500 ms). */
  readonly retryDelayMs?: number | undefined;
  /** Longest silence of the server (default 15,000 ms). */
  readonly timeoutMs?: number | undefined;
}

/** Where data sets are kept, and whether the network may be used. */
export interface DatasetCache {
  readonly folder: string;
  readonly offline: boolean;
}

/**
 * The cache of data sets: `VITRINE_CACHE`, else `vitrine` in `XDG_CACHE_HOME` or `~/.cache`. Offline by `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`, as for weights.
 */
export function datasetCacheFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  home: string = homedir(),
): DatasetCache {
  const path = (text: string): string => (text === "~" || text.startsWith("~/") ? join(home, text.slice(1)) : text);
  return {
    folder: path(env.VITRINE_CACHE || join(env.XDG_CACHE_HOME || join(home, ".cache"), "vitrine")),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE || ""),
  };
}

/** Attempts in a row without progress. */
const attempts = 3;

/** A failure that may pass. What has come is kept. */
class Cut extends Error {}

function failed(rule: string, evidence: string, place: string, next?: string, cause?: unknown): VitrineError {
  return new VitrineError("DOWNLOAD_FAILURE", { rule, evidence, place, next, cause });
}

/**
 * Downloads a file to `path`, unless it is there. A connection that breaks is taken up again where it broke, also by a later call.
 * @throws {VitrineError} DOWNLOAD_FAILURE without connection, for refusals and for a wrong checksum, of which nothing is kept; INTERRUPTED when stopped; STORAGE_FAILURE
 * when the disk refuses.
 */
export async function download(file: RemoteFile, path: string, call: DownloadCall = {}): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  const waiting = `${path}.incomplete`;
  // Whoever renames the partial file owns it: two processes never write into one.
  const part = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.incomplete`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await rename(waiting, part).catch(() => {});
    try {
      await fetchAll(file, part, call);
    } catch (error) {
      const passing =
        error instanceof VitrineError && (error.fields.cause instanceof Cut || error.code === "INTERRUPTED");
      if (passing && (await stat(part).catch(() => undefined))?.size) await rename(part, waiting);
      throw error;
    }
    const [kind, wanted] = file.checksum;
    const hash = createHash(kind);
    for await (const chunk of createReadStream(part)) hash.update(chunk as Uint8Array);
    const got = hash.digest("hex");
    if (got !== wanted)
      throw failed(
        `a file must have the ${kind} that its publisher says`,
        `got ${got}, not ${wanted}`,
        file.url,
        "nothing was kept; try again",
      );
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {});
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the cache must be writable and have room",
      evidence: systemReason(cause),
      place: path,
      next: "free some space or set VITRINE_CACHE to another folder",
      cause,
    });
  }
}

async function fetchAll(file: RemoteFile, part: string, call: DownloadCall): Promise<void> {
  const { signal, retryDelayMs = 500 } = call;
  let reached = -1;
  for (let failures = 0; ; ) {
    try {
      if (signal?.aborted) throw interrupted(signal.reason);
      return await fetchRest(file.url, part, call);
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      const size = (await stat(part).catch(() => undefined))?.size ?? 0;
      failures = reached >= 0 && size > reached ? 1 : failures + 1;
      reached = size;
      if (failures >= attempts)
        throw failed("the server must answer", error.message, file.url, "check the connection", error);
      await sleep(retryDelayMs * 2 ** (failures - 1), undefined, signal ? { signal } : {}).catch((cause) => {
        throw interrupted(cause);
      });
    }
  }
}

function interrupted(cause: unknown): VitrineError {
  return new VitrineError("INTERRUPTED", { rule: "the download was stopped on request", cause });
}

async function fetchRest(url: string, part: string, call: DownloadCall): Promise<void> {
  const { signal, onProgress, timeoutMs = 15_000 } = call;
  // One controller for both reasons to stop.
  const stop = new AbortController();
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    stop.abort();
  }, timeoutMs);
  const onAbort = (): void => stop.abort();
  signal?.addEventListener("abort", onAbort);
  const output = await open(part, "a");
  const cut = (error: unknown): Error => {
    if (signal?.aborted) return interrupted(error);
    if (silent) return new Cut(`silent for ${timeoutMs} ms`);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new Cut(cause instanceof Error ? cause.message : String(cause));
  };
  try {
    let loaded = (await output.stat()).size;
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (loaded > 0) headers.range = `bytes=${loaded}-`;
    const answer = await fetch(url, { headers, signal: stop.signal }).catch((error: unknown) => {
      throw cut(error);
    });
    const { status } = answer;
    const [, start, whole] = /^bytes (\d+)-\d+\/(\d+)/.exec(answer.headers.get("content-range") ?? "") ?? [];
    const resumed = status === 206 && Number(start) === loaded;
    if (status !== 200 && !resumed) {
      await answer.body?.cancel();
      // All has come before, or the server has another file now: the checksum tells.
      const complete = status === 416 && answer.headers.get("content-range") === `bytes */${loaded}`;
      if (complete) return;
      await output.truncate(0);
      if (status === 206 || status === 416 || status === 408 || status === 429 || status >= 500)
        throw new Cut(`status ${status}`);
      throw failed("a file of a data set must be at its address", `status ${status}`, url);
    }
    if (!resumed) {
      await output.truncate(0);
      loaded = 0;
    }
    const total = Number(resumed ? whole : (answer.headers.get("content-length") ?? Number.NaN));
    const body = (answer.body ?? []) as AsyncIterable<Uint8Array>;
    const chunks = body[Symbol.asyncIterator]();
    for (;;) {
      if (signal?.aborted) throw interrupted(signal.reason);
      const next = await chunks.next().catch((error: unknown) => {
        throw cut(error);
      });
      if (next.done) break;
      timer.refresh();
      for (let done = 0; done < next.value.length; )
        done += (await output.write(next.value, done, next.value.length - done)).bytesWritten;
      loaded += next.value.length;
      onProgress?.({ file: basename(url), loaded, total: Number.isNaN(total) ? undefined : total });
    }
    if (loaded < total) throw new Cut(`cut at ${loaded} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    // Lets the connection go where the body was not read to its end.
    stop.abort();
    await output.close();
  }
}
