import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../src", import.meta.url));

/** Folders in the order of the data flow; a file may import from its own folder and those named here. `ARCHITECTURE.md` draws the same. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  graph: ["errors.ts"],
  files: ["errors.ts"],
  weights: ["errors.ts", "files", "graph"],
  data: ["errors.ts", "files", "graph", "workers"],
  workers: ["errors.ts"],
  tensor: ["errors.ts", "graph"],
  gradient: ["errors.ts", "graph", "tensor"],
  rewrite: ["errors.ts", "graph", "tensor"],
  onnx: ["errors.ts", "graph", "weights"],
  runtime: ["errors.ts", "graph", "onnx", "workers"],
  compile: ["errors.ts", "graph", "tensor", "gradient", "rewrite", "onnx", "runtime"],
  nn: ["errors.ts", "graph", "weights", "tensor"],
  models: ["errors.ts", "graph", "weights", "tensor", "nn"],
  losses: ["errors.ts", "graph", "tensor"],
  optim: ["errors.ts", "graph", "tensor", "nn"],
  pretrained: [
    "errors.ts",
    "files",
    "graph",
    "weights",
    "data",
    "tensor",
    "onnx",
    "runtime",
    "compile",
    "nn",
    "models",
  ],
  train: [
    "errors.ts",
    "files",
    "graph",
    "weights",
    "data",
    "tensor",
    "gradient",
    "runtime",
    "compile",
    "nn",
    "losses",
    "optim",
    "models",
    "pretrained",
  ],
  tasks: [
    "errors.ts",
    "graph",
    "weights",
    "data",
    "tensor",
    "gradient",
    "runtime",
    "compile",
    "nn",
    "losses",
    "models",
    "pretrained",
  ],
  inspect: ["errors.ts", "graph", "data", "runtime", "pretrained", "train"],
  explain: ["errors.ts", "graph", "data", "tensor", "gradient", "rewrite", "runtime", "compile", "nn", "pretrained"],
  report: [
    "errors.ts",
    "files",
    "graph",
    "weights",
    "data",
    "runtime",
    "compile",
    "pretrained",
    "train",
    "tasks",
    "explain",
  ],
};

const doors = new Set(["cli", "core.ts", "index.ts", "web.ts"]);

function sourceFiles(folder = root): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sourceFiles(path) : entry.name.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(file: string, { types = true } = {}): readonly string[] {
  const text = types
    ? readFileSync(file, "utf8")
    : readFileSync(file, "utf8").replaceAll(/^(?:import|export) type [^;]*;/gm, "");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target]) => target!);
}

const roomOf = (file: string): string => relative(root, file).split("/")[0]!;

test("imports run downhill", () => {
  const uphill: string[] = [];
  for (const file of sourceFiles()) {
    const room = roomOf(file);
    if (doors.has(room)) continue;
    for (const target of importsOf(file)) {
      if (!target.startsWith(".")) continue;
      const other = roomOf(join(dirname(file), target));
      if (other !== room && !mayImport[room]?.includes(other)) uphill.push(`${relative(root, file)} → ${other}`);
    }
  }
  expect(uphill).toEqual([]);
});

test("the order of the folders has no cycle", () => {
  const visit = (room: string, path: readonly string[]): void => {
    expect(path, `cycle through ${room}`).not.toContain(room);
    for (const next of mayImport[room] ?? []) visit(next, [...path, room]);
  };
  for (const room of Object.keys(mayImport)) visit(room, []);
});

test("files for every platform import nothing of Node", () => {
  const platform = (file: string): boolean =>
    /-node\.ts$/.test(file) || ["cli", "index.ts"].includes(roomOf(file)) || relative(root, file) === "runtime/node.ts";
  const offenders = sourceFiles()
    .filter((file) => !platform(file))
    .flatMap((file) =>
      importsOf(file, { types: false })
        .filter(
          (target) =>
            target.startsWith("node:") ||
            target === "onnxruntime-node" ||
            target === "sharp" ||
            /-node\.ts$|runtime\/node\.ts$/.test(target),
        )
        .map((target) => `${relative(root, file)} → ${target}`),
    );
  expect(offenders).toEqual([]);
});

test("no file is crowded", () => {
  const long = sourceFiles()
    .map((file) => [relative(root, file), readFileSync(file, "utf8").split("\n").length] as const)
    .filter(([, lines]) => lines > 450);
  expect(long).toEqual([]);
});

test("no state hides at module scope", () => {
  const found = sourceFiles().flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^(?:export )?let (\w+)/gm)].map(
      ([, name]) => `${relative(root, file)}: ${name}`,
    ),
  );
  // Who computes `tensor.array()` is installed once, by the package's door; a library is loaded once; a worker serves one session.
  expect(found.sort()).toEqual([
    "data/decode-node.ts: loaded",
    "runtime/session-worker-node.ts: queue",
    "runtime/session-worker-node.ts: session",
    "tensor/tensor.ts: evaluator",
  ]);
});
