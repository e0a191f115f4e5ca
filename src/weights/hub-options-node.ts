/** Where the Hugging Face hub is and where its files are kept, from the environment variables that Python's `huggingface_hub` reads. Node only. */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import type { RequestOptions } from "./hub-request-node.ts";

/** Everything a download needs to know of its surroundings. */
export interface HubOptions {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Folder of the cache, shared with Python. */
  readonly cache: string;
  /** Never use the network. */
  readonly offline: boolean;
  /** Access token for private and gated repositories. */
  readonly token: string | undefined;
}

/** What happens to a file, for progress bars; sizes in bytes, `total` undefined until the server tells it. */
export interface HubProgress {
  readonly file: string;
  readonly status: "cached" | "download" | "done";
  readonly loaded: number;
  readonly total: number | undefined;
}

/** How one download behaves. */
export interface HubCall extends RequestOptions {
  readonly onProgress?: ((progress: HubProgress) => void) | undefined;
}

/**
 * Options from `HF_ENDPOINT`, `HF_HUB_CACHE` (or `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`), `HF_HUB_OFFLINE`,
 * `TRANSFORMERS_OFFLINE`, `HF_TOKEN`, and the token file at `HF_TOKEN_PATH`. Read once, by whoever starts the program.
 * @throws {VitrineError} INVALID_ARGUMENT for an `HF_ENDPOINT` that is no address.
 */
export function hubOptionsFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  home: string = homedir(),
): HubOptions {
  const path = (text: string) => (text === "~" || text.startsWith("~/") ? join(home, text.slice(1)) : text);
  const hubHome = path(env.HF_HOME || join(path(env.XDG_CACHE_HOME || join(home, ".cache")), "huggingface"));
  const endpoint = (env.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:/.test(endpoint) || !URL.canParse(endpoint))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "HF_ENDPOINT must be an address that begins with http:// or https://",
      evidence: `got ${JSON.stringify(endpoint)}`,
    });
  return {
    endpoint,
    cache: path(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hubHome, "hub")),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE || ""),
    token: env.HF_TOKEN?.trim() || readToken(path(env.HF_TOKEN_PATH || join(hubHome, "token"))),
  };
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    // Nobody is logged in.
    return undefined;
  }
}
