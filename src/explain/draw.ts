/** Any explanation as a picture. */

import type { Image } from "../data/image.ts";
import { type DrawImageOptions, drawImageExplanation } from "./draw-image.ts";
import { drawStages } from "./draw-stages.ts";
import { drawDistances, drawFilters, drawPositions } from "./draw-weights.ts";
import { drawWindows } from "./draw-windows.ts";
import type { Explanation } from "./explanation.ts";
import type { Picture } from "./picture.ts";
import { drawReconstruction } from "./reconstruction.ts";

/** The explanation as a picture. @param image the photograph that was explained; weights and distances need none of it */
export function drawExplanation(explanation: Explanation, image: Image, options: DrawImageOptions = {}): Picture {
  switch (explanation.kind) {
    case "image":
      if (explanation.method === "window-attention") return drawWindows(explanation, image);
      if (explanation.method === "stages") return drawStages(explanation, image);
      return drawImageExplanation(explanation, image, options);
    case "positions":
      return drawPositions(explanation);
    case "filters":
      return drawFilters(explanation);
    case "distance":
      return drawDistances(explanation);
    case "reconstruction":
      return drawReconstruction(explanation);
  }
}
