/** What a page carries: nothing of the families that it does not use. */

import { fileURLToPath } from "node:url";
import { type BuildResult, build, type Plugin } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The package's own promise: `sideEffects` names the doors alone. */
const pure: Plugin = {
  name: "no side effects",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir, kind }) =>
      kind === "entry-point"
        ? undefined
        : { path: fileURLToPath(new URL(path, `file://${resolveDir}/`)), sideEffects: false },
    );
  },
};

/** A page's script as bundlers make it. @param splitting whether what is loaded later becomes files of its own */
function bundled(script: string, splitting: boolean): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    stdin: { contents: script, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "esm",
    splitting,
    outdir: "out",
    platform: "browser",
    external: ["onnxruntime-web"],
    plugins: [pure],
  });
}

/** Source files whose code is in what the page loads first, and in what it may load later. */
function filesOf({ metafile }: BuildResult<{ metafile: true }>): {
  readonly first: string[];
  readonly later: string[];
} {
  const outputs = Object.entries(metafile.outputs);
  const used = (names: ReadonlySet<string>): string[] =>
    outputs.flatMap(([name, { inputs }]) =>
      names.has(name)
        ? Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []))
        : [],
    );
  /** What is reached from an output by imports of these kinds. */
  const reached = (from: string, kinds: readonly string[], seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(from)) return seen;
    seen.add(from);
    for (const { path, kind } of metafile.outputs[from]?.imports ?? [])
      if (kinds.includes(kind)) reached(path, kinds, seen);
    return seen;
  };
  const page = outputs.find(([, { entryPoint }]) => entryPoint === "<stdin>")![0];
  const first = reached(page, ["import-statement"]);
  const all = reached(page, ["import-statement", "dynamic-import"]);
  return { first: used(first), later: used(new Set([...all].filter((name) => !first.has(name)))) };
}

const families = {
  vit: /models\/vit|weights\/vit/,
  tnt: /models\/tnt|weights\/tnt/,
  swin: /models\/swin|weights\/swin|nn\/windows/,
  resnet: /models\/resnet\/(?!resnet-v2)|weights\/resnet/,
} as const;

const among = (files: readonly string[]): string[] =>
  Object.entries(families).flatMap(([name, pattern]) => (files.some((file) => pattern.test(file)) ? [name] : []));

test.each([
  ["ViT", ["vit", "resnet"], "its own family, and ResNet, whose map's cells are the patches of its hybrids"],
  ["Swin", ["swin"], "its own family and no other"],
  ["ResNet", ["resnet"], "its own family and no other"],
  ["TNT", ["tnt"], "its own family and no other"],
])("a page that makes a %s bundles %j: %s", async (model, own) => {
  const result = filesOf(
    await bundled(`import { ${model} } from "./src/models/index.ts"; console.log(new ${model}());`, false),
  );
  expect(among(result.first)).toEqual(own);
  expect(result.later).toEqual([]);
});

test("a page that loads models from addresses gets a family only when a model is one of it", async () => {
  const result = filesOf(
    await bundled('import { loadPretrained } from "./src/pretrained/load-web.ts"; await loadPretrained("x");', true),
  );
  expect(among(result.first)).toEqual([]);
  expect(among(result.later).sort()).toEqual(["resnet", "swin", "tnt", "vit"]);
});
