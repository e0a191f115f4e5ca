/** `vitrine explain IMAGE` for a masked autoencoder: what it paints where it is shown nothing. */

import { basename, extname } from "node:path";
import { decodeImage } from "../../data/decode-node.ts";
import { VitrineError } from "../../errors.ts";
import { explanationJson, type ReconstructionExplanation } from "../../explain/explanation.ts";
import { reconstruct, reconstructionMethod } from "../../explain/reconstruction.ts";
import { renderExplanation } from "../../explain/render-node.ts";
import { writeFileAtomically } from "../../files/write-node.ts";
import { loadMae } from "../../pretrained/mae-node.ts";
import { type Context, stopIfTold } from "../context.ts";
import { freshFile } from "../fresh.ts";
import { withDownloads } from "../model.ts";
import { table } from "../table.ts";
import { type ExplainOptions, formatOf } from "./explain.ts";

/** Writes the picture of a reconstruction; `--seed` chooses what is hidden. */
export async function explainAutoencoder(
  context: Context,
  file: string,
  { model, arch, out, ...choices }: ExplainOptions & { readonly model: string },
): Promise<undefined> {
  const stray = (["class", "block", "head", "token", "patch", "fusion", "discard", "target"] as const).find(
    (name) => choices[name] !== undefined,
  );
  if (stray !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `a reconstruction has no choice of ${stray}`,
      next: "--seed chooses what is hidden; --method shows other sides of the encoder",
    });
  const { seed, terminal } = context;
  const format = formatOf(out ?? ".png");
  const [image, loaded, runtime] = await Promise.all([
    decodeImage(file),
    withDownloads(context, (call) => loadMae(model, { arch, call })),
    context.runtime(),
  ]);
  const explanation: ReconstructionExplanation = {
    kind: "reconstruction",
    method: reconstructionMethod,
    model,
    quantity: "pixels",
    seed,
    ...(await reconstruct({ ...loaded, image, runtime, seed })),
  };
  stopIfTold(context);
  const path = out ?? (await freshFile(`${basename(file, extname(file))}-${reconstructionMethod}.png`));
  await writeFileAtomically(path, [await renderExplanation(explanation, image, { format })]);
  const { hidden, guessedContrast, loss } = explanation;
  const facts: readonly (readonly [string, string])[] = [
    ["method", `${reconstructionMethod}: what ${model} paints of patches that it is not shown`],
    ["hidden", `${hidden.filter(Boolean).length} of ${hidden.length} patches, chosen by --seed ${seed}`],
    [
      "error",
      `${loss.toFixed(4)} (mean square${guessedContrast ? " of patches normalised by their own contrast" : ""})`,
    ],
    ["picture", path],
  ];
  terminal.result({ file, out: path, ...(JSON.parse(explanationJson(explanation)) as object) }, table(["", ""], facts));
  return undefined;
}
