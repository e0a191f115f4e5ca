/** Where the files of a model lie that somebody named; those of the hub are fetched first. Node only. */

import { basename, join } from "node:path";
import type { HubCall, HubOptions } from "../weights/hub-options-node.ts";
import { parseReference } from "../weights/reference.ts";
import { kindOnDisk } from "../weights/reference-node.ts";

/** How the hub is reached. */
export interface LocateOptions {
  /** Where the hub and its cache are; default: as the environment variables say. */
  readonly hub?: HubOptions | undefined;
  /** How downloads behave: progress, signal to stop. */
  readonly call?: HubCall | undefined;
}

/** What a reference means: a folder or file, and how people call it; or a name that is neither. */
export type Located =
  | { readonly kind: "folder" | "file"; readonly path: string; readonly name: string }
  | { readonly kind: "name"; readonly name: string };

/**
 * The folder or file behind a reference.
 * @throws {VitrineError} NOT_FOUND, DOWNLOAD_FAILURE
 */
export async function locate(reference: string, { hub, call }: LocateOptions): Promise<Located> {
  const meant = parseReference(reference, kindOnDisk);
  switch (meant.kind) {
    case "directory":
      return { kind: "folder", path: meant.path, name: basename(join(meant.path, ".")) };
    case "file":
      return { kind: "file", path: meant.path, name: basename(meant.path) };
    case "hub": {
      const { downloadModel } = await import("../weights/hub-node.ts");
      const { hubOptionsFromEnvironment } = await import("../weights/hub-options-node.ts");
      const { repo, revision } = meant;
      const { path } = await downloadModel(
        { repo, revision },
        hub ?? hubOptionsFromEnvironment(process.env),
        call ?? {},
      );
      return { kind: "folder", path, name: repo };
    }
    case "name":
      return { kind: "name", name: meant.name };
  }
}
