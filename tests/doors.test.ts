/** The doors of the package: what they offer, that they open, and that those for browsers need nothing of Node. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BuildResult, build } from "esbuild";
import { expect, test } from "vitest";

interface Door {
  readonly name: string;
  /** Source file, from the root of the repository. */
  readonly file: string;
}

const root = new URL("..", import.meta.url);
const { exports: entries } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};
const doors: readonly Door[] = Object.entries(entries).flatMap(([name, entry]) =>
  typeof entry === "string"
    ? []
    : [{ name: name.replace(".", "vitrine"), file: entry.default.replace("./dist/", "src/").replace(/js$/, "ts") }],
);
const forBrowsers = doors.filter(({ name }) => name !== "vitrine");

// A name that comes or goes is a change for users: `npx vitest run tests/doors.test.ts -u` after thinking about it.
test("each door offers these names", async () => {
  const lists = await Promise.all(
    doors.map(async ({ name, file }) => {
      const names = Object.keys((await import(/* @vite-ignore */ new URL(file, root).href)) as object).sort();
      return `${name}\n${names.map((exported) => `  ${exported}\n`).join("")}`;
    }),
  );
  await expect(lists.join("\n")).toMatchFileSnapshot("golden/doors.txt");
});

test("tensors are read as soon as a door is imported", async () => {
  const { softmax, tensor } = await import("../src/index.ts");
  const { data } = await softmax(tensor([0, Math.log(3)], [2])).array();
  expect([...(data as Float32Array)].map((x) => Math.round(x * 1e6))).toEqual([250_000, 750_000]);
});

for (const { name, file } of forBrowsers)
  test(`${name} needs nothing of Node`, async () => {
    const { metafile } = await bundled(file);
    const files = Object.keys(metafile.inputs);
    expect(files.filter((path) => /-node\.ts$|runtime\/node\.ts$|sharp|onnxruntime-node/.test(path))).toEqual([]);
    const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter((i) => i.external));
    expect(outside.filter(({ path }) => !path.startsWith("onnxruntime-web"))).toEqual([]);
  });

test("all that vitrine/web loads at once stays below 250 kB beside the engine, and all that it may load below 400 kB", async () => {
  const { outputs } = (await bundled("src/web.ts")).metafile;
  /** Bytes of an output and of what it imports in these ways. */
  const weight = (from: string, kinds: readonly string[], seen = new Set<string>()): number => {
    if (seen.has(from)) return 0;
    seen.add(from);
    const { bytes = 0, imports = [] } = outputs[from] ?? {};
    return imports.reduce((sum, { path, kind }) => sum + (kinds.includes(kind) ? weight(path, kinds, seen) : 0), bytes);
  };
  const entry = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith("src/web.ts"))![0];
  expect(weight(entry, ["import-statement"])).toBeLessThan(250_000);
  expect(weight(entry, ["import-statement", "dynamic-import"])).toBeLessThan(400_000);
});

function bundled(file: string): Promise<BuildResult<{ metafile: true }>> {
  return build({
    entryPoints: [fileURLToPath(new URL(file, root))],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "esm",
    splitting: true,
    outdir: "out",
    platform: "browser",
    target: "es2022",
    // The engine's own code asks whether it is in Node.
    external: ["onnxruntime-web"],
  });
}
