/** Names that nothing has yet, so that no result overwrites another. */

import { stat } from "node:fs/promises";
import { extname } from "node:path";

/** `path`, or `path-2`, `path-3`, …: the first that does not exist. */
export async function freshFolder(path: string): Promise<string> {
  return fresh(path, "");
}

/** The same for a file: `cat-relevance.png`, `cat-relevance-2.png`. */
export async function freshFile(path: string): Promise<string> {
  const ending = extname(path);
  return fresh(ending ? path.slice(0, -ending.length) : path, ending);
}

async function fresh(stem: string, ending: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? stem + ending : `${stem}-${number}${ending}`;
    if (!(await stat(candidate).catch(() => undefined))) return candidate;
  }
}
