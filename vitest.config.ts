import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Examples import the package by name; tests run them on its sources. */
const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^vitrine$/, replacement: source("index.ts") },
      { find: /^vitrine\/web$/, replacement: source("web.ts") },
      { find: /^vitrine\/(.+)$/, replacement: source("$1/index.ts") },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts"],
    // Two cores: test files that run sessions would otherwise only measure each other.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

export default config;
