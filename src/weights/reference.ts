/** What a person may type where a model is wanted. */

import { VitrineError } from "../errors.ts";

export type ModelReference =
  /** A folder with `config.json` and weights. */
  | { readonly kind: "directory"; readonly path: string }
  /** A weights file of any format. */
  | { readonly kind: "file"; readonly path: string }
  /** A repository of the Hugging Face hub, `org/name@revision`. */
  | { readonly kind: "hub"; readonly repo: string; readonly revision: string }
  /** A name that the package knows. */
  | { readonly kind: "name"; readonly name: string };

const part = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
const hubPattern = new RegExp(`^(?:hf:)?(${part}/${part})(?:@([A-Za-z0-9][A-Za-z0-9._/-]{0,200}))?$`);
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const pathPattern =
  /^(?:\.{0,2}[/\\]|\.{1,2}$|~|[A-Za-z]:[/\\])|\.(?:safetensors|safetensors\.index\.json|pth?|bin|npz|onnx|tar)$/;

/**
 * The meaning of `text`. What exists on disk comes first; then a hub id (with `hf:`, always), then a name.
 * @param kindOnDisk - What lies at a path, if anything.
 * @throws {VitrineError} NOT_FOUND for a path that is not there, INVALID_ARGUMENT for text that is none of these.
 */
export function parseReference(
  text: string,
  kindOnDisk: (path: string) => "directory" | "file" | undefined,
): ModelReference {
  const kind = text.startsWith("hf:") || text === "" ? undefined : kindOnDisk(text);
  if (kind) return { kind, path: text };
  if (pathPattern.test(text) && !text.startsWith("hf:"))
    throw new VitrineError("NOT_FOUND", {
      rule: "a model's file or folder must exist",
      evidence: `got ${JSON.stringify(text)}`,
      next: "check the path; a hub id has the form org/name",
    });
  const [, repo, revision] = hubPattern.exec(text) ?? [];
  if (repo !== undefined && !/--|\.\./.test(text)) return { kind: "hub", repo, revision: revision ?? "main" };
  if (namePattern.test(text)) return { kind: "name", name: text };
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "a model is a folder, a weights file, a hub id (org/name, org/name@revision) or a name",
    evidence: `got ${JSON.stringify(text)}`,
  });
}
