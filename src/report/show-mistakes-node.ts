/** Mistakes as pictures: what the model saw, and what spoke for the label it gave. Node only. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { encodeJpeg } from "../data/decode-node.ts";
import type { Image } from "../data/image.ts";
import { visibleRegion } from "../data/preprocess.ts";
import { VitrineError } from "../errors.ts";
import { sequential } from "../explain/colours.ts";
import { inGrey, seenBy } from "../explain/draw-image.ts";
import { explainImage } from "../explain/explain-image.ts";
import { heatOver, scaleOf } from "../explain/heat.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Mistake, Shown, ShownMistake } from "./content.ts";

/** Longer side of a picture in the report, in pixels. */
const side = 288;

/** Pictures of mistakes, in their order. */
export async function showMistakes(
  mistakes: readonly Mistake[],
  dataset: Dataset,
  pretrained: Pretrained,
  runtime: Runtime,
): Promise<readonly ShownMistake[]> {
  const shown: ShownMistake[] = [];
  for (const mistake of mistakes) {
    const { image } = await dataset.get(mistake.index);
    const { preprocessing } = pretrained;
    const [channels, high, wide] = preprocessing.inputSize;
    const { photo } = seenBy(
      { view: visibleRegion(image, preprocessing), inputSize: [high, wide], channels },
      image,
      side,
    );
    shown.push({
      ...mistake,
      photo: await dataUrl(photo),
      why: await whyGiven(mistake.given, image, photo, pretrained, runtime),
    });
  }
  return shown;
}

/** Relevance for the label that was given, or Grad-CAM where tokens keep no order; none for models that neither fits. */
async function whyGiven(
  given: number,
  image: Image,
  photo: Image,
  pretrained: Pretrained,
  runtime: Runtime,
): Promise<Shown | undefined> {
  try {
    const method = pretrained.model.tokens ? "relevance" : "grad-cam";
    const explanation = await explainImage({ pretrained, runtime, image, method, class: given });
    if (explanation.kind !== "image") return undefined;
    const map = explanation.maps[0]!;
    const scale = scaleOf([map]);
    const heat = heatOver(inGrey(photo), map, { scale, colours: sequential, smoothing: "nearest", strength: 0.65 });
    return { picture: await dataUrl(heat), method, quantity: explanation.quantity, ...scale };
  } catch (error) {
    if (error instanceof VitrineError && error.code === "INVALID_ARGUMENT") return undefined;
    throw error;
  }
}

async function dataUrl(image: Image): Promise<string> {
  return `data:image/jpeg;base64,${Buffer.from(await encodeJpeg(image, 82)).toString("base64")}`;
}
