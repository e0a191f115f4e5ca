/**
 * Runs code in the system's Chromium: bundles a page's script, serves it from 127.0.0.1 and opens it.
 * The path of the browser is `VITRINE_CHROMIUM`, else the usual ones of Linux distributions.
 */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { sharedPath } from "../shared.ts";

const usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const chosen = process.env.VITRINE_CHROMIUM;
const executable = (chosen === undefined ? usual : [chosen]).find((path) => existsSync(path));

/** What a page may read. */
const readable: readonly string[] = [fileURLToPath(new URL("..", import.meta.url)), sharedPath()];

/** True where a browser is installed. */
export const hasChromium: boolean = executable !== undefined;

export interface OpenPage {
  readonly page: Page;
  /** All that the page wrote to its console, errors included. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

export interface PageOptions {
  /** Whether the page may use threads (cross-origin isolation). */
  readonly isolated?: boolean;
  /** Modules that stand in for others: by the imported name, or by the file that it means. */
  readonly standIns?: ReadonlyMap<string, URL>;
}

/** Opens a page that runs `entry`, a TypeScript file beside the test. It can read the files of the tests and of the shared folder (`/disk/PATH`). */
export async function openPage(entry: URL, options: PageOptions = {}): Promise<OpenPage> {
  const { isolated = false, standIns = new Map() } = options;
  const files = await bundle(fileURLToPath(entry), standIns);
  const server = await serve(files, isolated);
  const browser = await launch();
  const log: string[] = [];
  const close = async (): Promise<void> => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    const page = await browser.newPage();
    page.on("console", (message) => log.push(message.text()));
    const broken = new Promise<never>((_, reject) =>
      page.on("pageerror", (error) => {
        log.push(String(error));
        reject(error);
      }),
    );
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const started = page.waitForFunction(() => "checks" in globalThis, undefined, { timeout: 60_000 });
    await Promise.race([started, broken]).catch(() => {
      throw new Error(`the page did not start: ${log.join("\n")}`);
    });
    return { page, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Calls a function that the page has put into `globalThis.checks`. */
export function callCheck<T>(page: Page, name: string, ...args: readonly string[]): Promise<T> {
  return page.evaluate(
    ([check, ...rest]) =>
      (globalThis as unknown as { checks: Record<string, (...args: string[]) => Promise<unknown>> }).checks[check!]!(
        ...rest,
      ),
    [name, ...args],
  ) as Promise<T>;
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable!,
    headless: true,
    args: [
      "--no-sandbox",
      "--headless=new",
      // WebGPU on the processor, where there is no graphics card.
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
      "--use-vulkan=swiftshader",
      "--disable-vulkan-surface",
      // Nothing but the page goes over the network.
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

async function bundle(entry: string, standIns: ReadonlyMap<string, URL>): Promise<ReadonlyMap<string, Uint8Array>> {
  const result = await build({
    entryPoints: { page: entry },
    plugins: [
      {
        name: "stand-ins",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /./ }, ({ path, resolveDir }) => {
            const found = standIns.get(path) ?? standIns.get(resolve(resolveDir, path));
            return found && { path: fileURLToPath(found) };
          });
          // A test finds the files beside it.
          onLoad({ filter: /\/tests\/.*\.ts$/ }, ({ path }) => ({
            loader: "ts",
            contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path))),
          }));
        },
      },
    ],
    define: { "process.env.VITRINE_SHARED": JSON.stringify(sharedPath()) },
    bundle: true,
    write: false,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: "/",
  });
  return new Map(result.outputFiles.map((file) => [file.path, file.contents]));
}

function serve(files: ReadonlyMap<string, Uint8Array>, isolated: boolean): Promise<Server> {
  const engine = fileURLToPath(new URL("../../node_modules/onnxruntime-web/dist", import.meta.url));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const name = /^\/ort\/([\w.-]+\.(?:wasm|mjs))$/.exec(path)?.[1];
    if (path === "/") send("text/html", Buffer.from('<!doctype html><script type="module" src="/page.js"></script>'));
    else if (name)
      send(name.endsWith(".wasm") ? "application/wasm" : "text/javascript", readFileSync(`${engine}/${name}`));
    else if (files.has(path)) send("text/javascript", files.get(path)!);
    else if (path.startsWith("/disk/")) sendFile(decodeURI(path.slice("/disk".length)));
    else response.writeHead(404).end();

    function send(type: string, body: Uint8Array): void {
      response.writeHead(200, { "Content-Type": type }).end(body);
    }

    function sendFile(file: string): void {
      const open = readable.some((folder) => resolve(file).startsWith(folder));
      if (!open || !existsSync(file)) response.writeHead(404).end();
      else if (statSync(file).isDirectory()) send("application/json", Buffer.from(JSON.stringify(readdirSync(file))));
      else send("application/octet-stream", readFileSync(file));
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
