/** Cards on disk. Node only. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../files/write-node.ts";
import { type CardFacts, cardForLayout, modelCard } from "./card.ts";
import type { Pretrained } from "./pretrained.ts";
import { type Layout, layoutFor } from "./save-node.ts";

/** The file inside a model's folder. */
export const cardName = "README.md";

/** What a loaded model says of itself. */
export function knownFacts(
  pretrained: Pretrained,
  layout: Layout = layoutFor(pretrained),
): Pick<CardFacts, "name" | "architecture" | "parameters" | "inputSize" | "labels" | "layout"> {
  const { name, architecture, model, preprocessing, labels } = pretrained;
  const { inputSize } = preprocessing;
  return { name, architecture, parameters: model.parameterCount(), inputSize, labels, layout };
}

/** Writes a card into a model's folder, over an older one. @throws {VitrineError} STORAGE_FAILURE */
export async function writeCard(folder: string, card: string): Promise<void> {
  await writeFileAtomically(join(folder, cardName), [new TextEncoder().encode(card)]);
}

/** Writes the card of a model that was saved from another folder: that folder's card where it has one (with front matter), else what the model says of itself. */
export async function copyCard(from: string, to: string, pretrained: Pretrained, layout: Layout): Promise<void> {
  const card = await readFile(join(from, cardName), "utf8").catch(() => undefined);
  await writeCard(
    to,
    card === undefined || !card.startsWith("---\n")
      ? modelCard(knownFacts(pretrained, layout))
      : cardForLayout(card, layout),
  );
}
