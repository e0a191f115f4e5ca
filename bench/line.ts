/** Lines in figures: pictures know dots and boxes. */

import type { Rgb } from "../src/explain/colours.ts";
import type { PictureElement } from "../src/explain/picture.ts";

/** A line as dots that touch. */
export function joined(points: readonly (readonly [number, number])[], colour: Rgb): readonly PictureElement[] {
  return points.slice(1).flatMap(([x, y], i) => {
    const [fromX, fromY] = points[i]!;
    const steps = Math.max(1, Math.round(Math.hypot(x - fromX, y - fromY) / 1.5));
    return Array.from({ length: steps }, (_, k) =>
      dot(fromX + ((x - fromX) * k) / steps, fromY + ((y - fromY) * k) / steps, 1, colour),
    );
  });
}

/** A dot, to a tenth of a pixel. */
export function dot(x: number, y: number, radius: number, colour: Rgb): PictureElement {
  return { kind: "dot", x: Math.round(10 * x) / 10, y: Math.round(10 * y) / 10, radius, colour };
}
