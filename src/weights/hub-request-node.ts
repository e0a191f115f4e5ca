/** HTTP as the hub needs it: repeated where repeating helps, stopped on request, with errors that say what to do. Node only. */

import { setTimeout as sleep } from "node:timers/promises";
import { VitrineError } from "../errors.ts";

/** How one call behaves. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Wait before the first repetition, doubled each time (default 1000 ms). */
  readonly retryDelayMs?: number | undefined;
  /** Longest silence of the server (default 10,000 ms). */
  readonly timeoutMs?: number | undefined;
}

/** A failure that may pass: no connection, a cut, or a busy server. */
export class PassingFailure extends VitrineError {
  /** What the server asked to wait. */
  readonly waitMs: number | undefined;
  constructor(url: string, evidence: string, waitMs?: number, cause?: unknown) {
    super("DOWNLOAD_FAILURE", {
      rule: "the hub must answer",
      evidence,
      place: url,
      next: "check the connection and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use the cache only",
      cause,
    });
    this.waitMs = waitMs;
  }
}

/** Attempts in a row without progress. */
const attempts = 5;
const longestWaitMs = 60_000;

function interrupted(cause?: unknown): VitrineError {
  return new VitrineError("INTERRUPTED", { rule: "the download was stopped on request", cause });
}

/**
 * Runs `task` until it succeeds, fails for good, or fails five times in a row without having made progress.
 * @param progress - A number that grows as long as repeating is worth it.
 * @throws {VitrineError} INTERRUPTED when stopped; the task's last error.
 */
export async function repeat<T>(
  task: () => Promise<T>,
  { signal, retryDelayMs = 1000 }: RequestOptions,
  tries: number = attempts,
  progress: () => number = () => 0,
): Promise<T> {
  let failures = 0;
  let reached = progress();
  for (;;) {
    try {
      if (signal?.aborted) throw interrupted(signal.reason);
      return await task();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      if (progress() > reached) failures = 0;
      reached = progress();
      if (++failures >= tries) throw error;
      const wait = Math.min(error.waitMs ?? retryDelayMs * 2 ** (failures - 1), longestWaitMs);
      await sleep(wait, undefined, signal ? { signal } : {}).catch((cause) => {
        throw interrupted(cause);
      });
    }
  }
}

/** One answer. `body` yields its bytes and fails as `request` does. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  body(): AsyncGenerator<Uint8Array>;
  /** Lets the connection go without reading the body. */
  discard(): Promise<void>;
}

/**
 * One HTTP request. Redirects are the caller's matter when `redirect` is "manual".
 * @throws {PassingFailure} without connection, on silence, and for status 408, 429 and 5xx.
 * @throws {VitrineError} INTERRUPTED when stopped.
 */
export async function request(
  url: string,
  init: {
    readonly method: "GET" | "HEAD";
    readonly headers: Record<string, string>;
    readonly redirect: "follow" | "manual";
  },
  { signal, timeoutMs = 10_000 }: RequestOptions,
): Promise<Answer> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), timeoutMs);
  const failure = (error: unknown): VitrineError => {
    if (signal?.aborted) return interrupted(error);
    if (silence.signal.aborted) return new PassingFailure(url, `silent for ${timeoutMs} ms`, undefined, error);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new PassingFailure(url, cause instanceof Error ? cause.message : String(cause), undefined, error);
  };
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    });
  } catch (error) {
    clearTimeout(timer);
    throw failure(error);
  }
  timer.refresh();
  const discard = async () => {
    clearTimeout(timer);
    await response.body?.cancel().catch(() => {});
  };
  const { status, headers } = response;
  if (status === 408 || status === 429 || status >= 500) {
    await discard();
    const after = Number(headers.get("retry-after") ?? Number.NaN);
    throw new PassingFailure(url, `status ${status}`, Number.isFinite(after) ? after * 1000 : undefined);
  }
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      if (!response.body) return;
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        timer.refresh();
        yield chunk;
      }
    } catch (error) {
      throw error instanceof VitrineError ? error : failure(error);
    } finally {
      clearTimeout(timer);
    }
  }
  if (init.method === "HEAD") await discard();
  return { status, headers, body, discard };
}
