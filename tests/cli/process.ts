/** The command line as a process of its own, built from the sources as they are now. */

import { execFileSync, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules/.cache/vitrine");

/** Builds the command line unless these sources are built already, and returns its main file. */
export function mainFile(): string {
  const stamp = createHash("sha256");
  for (const name of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).sort()) {
    const { mtimeMs, size } = statSync(join(root, "src", name));
    if (name.endsWith(".ts")) stamp.update(`${name} ${mtimeMs} ${size}\n`);
  }
  const folder = join(cache, `cli-${stamp.digest("hex").slice(0, 16)}`);
  const main = join(folder, "cli/main.js");
  if (existsSync(main)) return main;
  mkdirSync(cache, { recursive: true });
  // Other sources' builds are of no more use; those of the last hour may belong to a run beside this one.
  for (const name of readdirSync(cache).filter((one) => one.startsWith("cli-")))
    if (Date.now() - statSync(join(cache, name)).mtimeMs > 3_600_000) rmSync(join(cache, name), { recursive: true });
  const temporary = `${folder}.${randomUUID()}`;
  execFileSync("node", ["tools/build.mjs", "--cli", temporary], { cwd: root });
  try {
    renameSync(temporary, folder);
  } catch {
    // Another test file was faster.
    rmSync(temporary, { recursive: true });
  }
  return main;
}

/** What a process left. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly cwd?: string;
  /** Environment variables, besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** What standard input holds; nothing without it. */
  readonly input?: string;
  /** Numeric id of the user it runs as. */
  readonly user?: number;
  /** Called whenever something was written to standard error, with all of it so far. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Kills the process with SIGKILL after so many milliseconds. */
  readonly killAfter?: number;
}

/** Runs `vitrine ARGUMENT…` to its end. */
export function vitrine(args: readonly string[], options: CallOptions = {}): Promise<Result> {
  const child = spawn(process.execPath, [mainFile(), ...args], {
    cwd: options.cwd,
    env: { ...process.env, COLUMNS: "80", ...options.env },
    ...(options.user === undefined ? {} : { uid: options.user }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A process that reads none may be gone before it is written.
  child.stdin.on("error", () => {}).end(options.input ?? "");
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    options.onStderr?.(stderr, (signal) => child.kill(signal));
  });
  const timer =
    options.killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), options.killAfter);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

/** A folder that is removed when the tests of a file are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-cli-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** SHA-256 of the best weights, the last weights and the optimiser of a finished run. */
export function weightsOf(folder: string): readonly string[] {
  const last = readdirSync(join(folder, "checkpoints")).sort().at(-1)!;
  const files = [
    "model.safetensors",
    `checkpoints/${last}/model.safetensors`,
    `checkpoints/${last}/optimizer.safetensors`,
  ];
  return files.map((file) =>
    createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex"),
  );
}

/** All files below a folder, sorted. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}
