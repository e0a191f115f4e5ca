/** Texts on disk: one file, or two whose lines belong together. Node only. */

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";
import type { ParallelCorpus } from "./corpus.ts";

const unzip = promisify(gunzip);

/**
 * A whole text in UTF-8, plain or gzip (`.gz`); line ends are `\n`, a byte order mark is dropped.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE for bytes that are no UTF-8 or no gzip, DATA_PROBLEM for a text without a word.
 */
export async function readText(path: string): Promise<string> {
  const text = await readAnyText(path);
  if (text.trim() === "") throw new VitrineError("DATA_PROBLEM", { rule: "a text must have a word", place: path });
  return text;
}

/** As `readText`, but it may have no word. */
export async function readAnyText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError("NOT_FOUND", {
      rule: "a text must be a readable file",
      evidence: systemReason(cause),
      place: path,
      cause,
    });
  });
  return decodeText(path.endsWith(".gz") ? await unzipped(bytes, path) : bytes, path).replaceAll("\r\n", "\n");
}

/** The lines of a text as `readText` gives it; an end of line at its end begins no further one. @throws {VitrineError} as `readText`. */
export async function readLines(path: string): Promise<readonly string[]> {
  const text = await readText(path);
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/**
 * Two files whose lines of the same number are translations of each other. Pairs with an empty side are left out.
 * @throws {VitrineError} as `readText`, and DATA_PROBLEM where the numbers of lines differ.
 */
export async function readParallel(sourcePath: string, targetPath: string): Promise<ParallelCorpus> {
  const source = await readLines(sourcePath);
  const target = await readLines(targetPath);
  if (source.length !== target.length)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "parallel texts must have as many lines as each other",
      evidence: `got ${source.length} and ${target.length}`,
      place: `${sourcePath}, ${targetPath}`,
    });
  const kept = source.map((line, i) => [line.trim(), target[i]!.trim()] as const).filter(([a, b]) => a && b);
  return { source: kept.map(([line]) => line), target: kept.map(([, line]) => line) };
}

async function unzipped(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    return await unzip(bytes);
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "a .gz file must be whole gzip",
      evidence: (cause as Error).message,
      place: path,
      cause,
    });
  }
}

function decodeText(bytes: Uint8Array, place: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "a text must be UTF-8",
      evidence: `it has other bytes, first ${firstStrange(bytes)}`,
      place,
      next: "convert it, for instance with iconv -t UTF-8",
      cause,
    });
  }
}

/** Where the first bytes lie that are no UTF-8. */
function firstStrange(bytes: Uint8Array): string {
  let line = 1;
  for (let begin = 0; begin < bytes.length; line++) {
    const end = bytes.indexOf(10, begin);
    const row = bytes.subarray(begin, end < 0 ? bytes.length : end);
    if (new TextDecoder().decode(row).includes("\ufffd")) return `in line ${line}`;
    begin += row.length + 1;
  }
  return "at the end";
}
