/** Pooling: largest or mean element of each window. */

import type { GradientRules } from "../rule.ts";

const soon = { missing: "pending" } as const;
export const poolingRules: GradientRules<"MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "Col2Im"> =
  { MaxPool: soon, AveragePool: soon, GlobalAveragePool: soon, GlobalMaxPool: soon, Col2Im: soon };
