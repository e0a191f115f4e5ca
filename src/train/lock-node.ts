/** One process at a time works in a run's folder; what a killed one left half-written is cleared away. */

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { VitrineError } from "../errors.ts";

const lockName = "run.lock";

/**
 * Claims a run's folder for this process, and clears away the temporary files of processes that were killed in it.
 * @returns what gives the folder back
 * @throws {VitrineError} OUTPUT_CONFLICT when a running process of this machine has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, lockName);
  const own = `${process.pid} ${hostname()}\n`;
  try {
    await writeFile(path, own, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const [pid, host] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
    if (host === hostname() && isRunning(Number(pid)))
      throw new VitrineError("OUTPUT_CONFLICT", {
        rule: "one process at a time trains in a folder",
        evidence: `process ${pid} does`,
        place: folder,
        next: `wait for it, or delete ${path} if that process is no training`,
      });
    await writeFile(path, own);
  }
  await clear(folder, /\.\d+-[0-9a-f]{8}\.tmp$/);
  const hidden = basename(folder).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  await clear(dirname(folder), new RegExp(`^\\.${hidden}\\.\\d+-[0-9a-f]{8}\\.tmp$`));
  return () => rm(path, { force: true });
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function clear(folder: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(folder).catch((): string[] => []))
    if (pattern.test(name)) await rm(join(folder, name), { recursive: true, force: true });
}
