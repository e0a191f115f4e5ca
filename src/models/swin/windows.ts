/** Which windows a block of a Swin Transformer, of either version, cuts a map into. */

import { VitrineError } from "../../errors.ts";
import type { GridSize } from "../../nn/positions.ts";
import { cutWindows, type Windows } from "../../nn/windows.ts";
import { currentPath } from "../../tensor/index.ts";
import { type SwinConfig, stageWindows } from "./config.ts";

/**
 * The windows of a block.
 * @param map tokens [high, wide] of the map at hand
 * @throws {VitrineError} SHAPE_MISMATCH where windows that may not shrink are larger than the map.
 * @source timm/models/swin_transformer.py SwinTransformerBlock; transformers, models/swin/modeling_swin.py SwinLayer
 */
export function windowsAt(config: SwinConfig, stage: number, shifted: boolean, map: GridSize): Windows {
  const { window, shift } = stageWindows(config, stage);
  const { padFirst, shrink, alwaysShift } = config;
  const [smallest, largest] = [Math.min(...map), Math.max(...window)];
  const shrinks = shrink === "map" && !alwaysShift;
  // transformers shrinks a window to the map but not its table of biases, so that a smaller window has no meaning there.
  if (shrinks && smallest < largest)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "Swin: a map must hold a window",
      evidence: `got a map of ${map.join(" × ")} tokens and windows of ${window.join(" × ")}`,
      place: currentPath(),
      next: "use larger images",
    });
  const still = !shifted || (shrinks && smallest <= largest);
  return cutWindows({ map, window, shift: still ? [0, 0] : shift, padFirst });
}
