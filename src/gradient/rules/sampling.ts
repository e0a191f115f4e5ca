/** Resampling pictures. */

import type { GradientRules } from "../rule.ts";

const soon = { missing: "pending" } as const;
export const samplingRules: GradientRules<"Resize" | "GridSample" | "DeformConv"> = {
  Resize: soon,
  GridSample: soon,
  DeformConv: soon,
};
