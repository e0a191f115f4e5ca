/** Code of WebAssembly is what its text says, and what this machine takes: otherwise tests of it would test JavaScript alone. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import wabt from "wabt";

const root = fileURLToPath(new URL("../src", import.meta.url));
const texts = (readdirSync(root, { recursive: true }) as readonly string[]).filter((file) => file.endsWith(".wat"));

test("there is some", () => {
  expect(texts.length).toBeGreaterThan(0);
});

test.each(texts)("%s was compiled by `node tools/wat.mjs`", async (file) => {
  const path = join(root, file);
  const { code } = (await import(/* @vite-ignore */ path.replace(/\.wat$/, "-code.ts"))) as { readonly code: string };
  const module = (await wabt()).parseWat(file, readFileSync(path, "utf8"), { simd: true });
  expect(Buffer.from(module.toBinary({}).buffer).toString("base64")).toBe(code);
  expect(WebAssembly.validate(Buffer.from(code, "base64"))).toBe(true);
});
