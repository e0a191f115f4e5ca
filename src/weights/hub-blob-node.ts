/** One blob: fetched in as many pieces as it takes, checked against its hash, and only then given its name. Node only. */

import { createHash, randomBytes } from "node:crypto";
import { copyFile, type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { VitrineError } from "../errors.ts";
import type { HubCall, HubOptions } from "./hub-options-node.ts";
import { PassingFailure, repeat, request } from "./hub-request-node.ts";

/** What to fetch, and under which name to keep it. */
export interface Blob {
  readonly url: string;
  /** Path of the finished blob. */
  readonly blob: string;
  /** SHA-256 of large files, git's SHA-1 of small ones; anything else cannot be checked. */
  readonly etag: string;
  readonly size: number | undefined;
  /** Name for progress. */
  readonly file: string;
}

/** Partial files are named by process, so that processes never write into each other's; those of dead ones go after a day. */
const stalePartMs = 24 * 3600 * 1000;

/**
 * Downloads a blob, resuming after cuts within this call.
 * @throws {VitrineError} DOWNLOAD_FAILURE, STORAGE_FAILURE or INTERRUPTED; no partial file is left behind.
 */
export async function downloadBlob(target: Blob, options: HubOptions, call: HubCall): Promise<void> {
  await inCache(target.blob, () => fetchBlob(target, options, call));
}

/** Runs a task that writes into the cache; what the file system refuses becomes one kind of error. */
export async function inCache<T>(place: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof VitrineError) throw error;
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the cache must be writable and have room",
      evidence: error instanceof Error ? error.message : String(error),
      place,
      next: "free some space or set HF_HUB_CACHE",
      cause: error,
    });
  }
}

async function fetchBlob(target: Blob, options: HubOptions, call: HubCall): Promise<void> {
  const { url, blob, etag, size, file } = target;
  await mkdir(dirname(blob), { recursive: true });
  await removeStaleParts(blob);
  const part = `${blob}.${process.pid}-${randomBytes(4).toString("hex")}.incomplete`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(part, "wx");
    const output = handle;
    let hash = createHash("sha256");
    let loaded = 0;
    let total = size;

    const restart = async () => {
      await output.truncate(0);
      hash = createHash("sha256");
      loaded = 0;
    };
    const fetchRest = async () => {
      const headers: Record<string, string> = { "accept-encoding": "identity" };
      // fetch drops it where a redirect leaves the hub's own host.
      if (options.token) headers.authorization = `Bearer ${options.token}`;
      if (loaded > 0) headers.range = `bytes=${loaded}-`;
      const answer = await request(url, { method: "GET", headers, redirect: "follow" }, call);
      if (answer.status === 206) {
        const [, start] = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "") ?? [];
        if (Number(start) !== loaded) {
          await answer.discard();
          await restart();
          throw new PassingFailure(url, "an answer for another range than asked");
        }
      } else if (answer.status === 200) {
        await restart();
        total ??= Number(answer.headers.get("content-length") ?? Number.NaN) || undefined;
      } else {
        await answer.discard();
        await restart();
        if (answer.status === 416) throw new PassingFailure(url, "status 416");
        throw failed("a file that the hub describes must be there", `status ${answer.status}`);
      }
      for await (const chunk of answer.body()) {
        if (total !== undefined && loaded + chunk.length > total)
          throw failed("a file must have the size that the hub says", `more than ${total} bytes`);
        for (let done = 0; done < chunk.length; )
          done += (await output.write(chunk, done, chunk.length - done, loaded + done)).bytesWritten;
        hash.update(chunk);
        loaded += chunk.length;
        call.onProgress?.({ file, status: "download", loaded, total });
      }
      if (total !== undefined && loaded < total) throw new PassingFailure(url, `cut at ${loaded} of ${total} bytes`);
    };
    await repeat(fetchRest, call, undefined, () => loaded);
    await output.sync();
    await output.close();
    handle = undefined;
    const got = etag.length === 64 ? hash.digest("hex") : await gitHash(part);
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) && got !== etag)
      throw failed("a file must have the checksum that the hub says", `got ${got}, not ${etag}`);
    await rename(part, blob);
    call.onProgress?.({ file, status: "done", loaded, total: loaded });
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(part, { force: true }).catch(() => {});
    throw error;
  }

  function failed(rule: string, evidence: string): VitrineError {
    return new VitrineError("DOWNLOAD_FAILURE", { rule, evidence, place: url, next: "nothing was kept; try again" });
  }
}

/** Git's name of a file's content; files of this kind are small, since large ones are stored under their SHA-256. */
async function gitHash(path: string): Promise<string> {
  const content = await readFile(path);
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

async function removeStaleParts(blob: string): Promise<void> {
  for (const name of await readdir(dirname(blob))) {
    if (!name.startsWith(`${basename(blob)}.`) || !name.endsWith(".incomplete")) continue;
    const path = join(dirname(blob), name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > stalePartMs) await rm(path, { force: true });
  }
}

/** Makes a snapshot's file: a relative link to the blob, as Python does, or a copy where links are not allowed. */
export async function linkBlob(blob: string, pointer: string): Promise<void> {
  await inCache(pointer, async () => {
    await mkdir(dirname(pointer), { recursive: true });
    const temporary = `${pointer}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
    try {
      await symlink(relative(dirname(pointer), blob), temporary).catch(() => copyFile(blob, temporary));
      await rename(temporary, pointer);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  });
}
