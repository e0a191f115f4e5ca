/** `vitrine demo`: everything once, on a fresh machine without a network. */

import { join } from "node:path";
import { shapesDataset } from "../../data/datasets/shapes.ts";
import { encodePng } from "../../data/decode-node.ts";
import { explainImage } from "../../explain/explain-image.ts";
import { renderExplanation } from "../../explain/render-node.ts";
import { writeFileAtomically } from "../../files/write-node.ts";
import { classifier } from "../../tasks/classify.ts";
import { evaluateDataset } from "../../tasks/evaluate-node.ts";
import type { Context } from "../context.ts";
import { freshFolder } from "../fresh.ts";
import { loadModel } from "../model.ts";
import { counted, duration, percent } from "../numbers.ts";
import { table } from "../table.ts";
import { openTrainingData } from "../train-data.ts";
import { startTraining } from "../train-plan.ts";
import { trainAsPlanned } from "./train.ts";

/** The test image that is classified and explained. */
const chosen = 7;

/** Trains, evaluates, classifies, explains, and says where everything is. */
export async function demo(context: Context): Promise<undefined> {
  const { terminal, seed, signal } = context;
  const started = performance.now();
  const settings = { data: "shapes" };
  const data = await openTrainingData(settings, seed);
  const start = await startTraining(context, settings, data, seed, { changes: {} });
  const folder = await freshFolder(join("vitrine-out", "demo"));
  const model = join(folder, "model");
  terminal.note("1. Training a small Vision Transformer on images that this package draws itself.\n");
  const trained = await trainAsPlanned(
    context,
    { ...start, settings, data, seed, folder: model },
    { workers: 2, strict: false, resume: false },
  );

  // The folder has the best epoch's weights.
  const pretrained = await loadModel(context, model);
  const runtime = await context.runtime();
  const test = shapesDataset({ split: "test", seed });
  terminal.note(`\n2. Evaluating it on ${counted(test.length, "image")} that it has never seen.`);
  const evaluation = await evaluateDataset(pretrained, test, runtime, { signal });

  terminal.note("3. Classifying and explaining one of them.\n");
  const { image, label } = await test.get(chosen);
  const pictures = {
    image: join(folder, "image.png"),
    relevance: join(folder, "relevance.png"),
    attention: join(folder, "attention.png"),
  };
  await writeFileAtomically(pictures.image, [await encodePng(image)]);
  const run = await classifier(pretrained, runtime);
  const [predictions] = await run.classify([image], { top: 3 });
  await run.dispose();
  for (const method of ["relevance", "attention"] as const) {
    const explanation = await explainImage({ pretrained, runtime, image, method });
    await writeFileAtomically(pictures[method], [await renderExplanation(explanation, image, { format: "png" })]);
  }
  const seconds = (performance.now() - started) / 1000;
  const is = test.classes[label]!;
  const { accuracy, loss, count } = evaluation;
  terminal.result(
    {
      folder,
      model,
      training: trained,
      evaluation: { accuracy, loss, count },
      image: { label: is, predictions },
      pictures,
      seconds,
    },
    [
      table(
        ["", ""],
        [
          ["test accuracy", `${percent(accuracy)} of ${counted(count, "image")}`],
          ["the image is", is],
          ["the model says", predictions!.map((one) => `${one.label} ${percent(one.score, 1)}`).join(", ")],
          ["the image", pictures.image],
          ["why it says so", pictures.relevance],
          ["what it looked at", `${pictures.attention} (each block and head)`],
          ["the model", `${model} (timm loads it, too)`],
          ["all this took", duration(seconds)],
        ],
      ),
      "What you can do now:",
      `  npx vitrine classify ${pictures.image} --model ${model}`,
      `  npx vitrine explain ${pictures.image} --model ${model} --method rollout --out rollout.html`,
      `  npx vitrine eval ${model} shapes`,
      `  npx vitrine export ${model} model.onnx`,
      "  npx vitrine train YOUR-FOLDER      (one folder of images for each class)",
    ].join("\n"),
  );
  return undefined;
}
