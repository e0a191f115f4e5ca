/** How operators are used in the comparison with slopes. */

import type { Use } from "./check.ts";
import { elementwiseUses } from "./uses/elementwise.ts";
import { movementUses } from "./uses/movement.ts";
import { productUses } from "./uses/products.ts";
import { recurrentUses } from "./uses/recurrent.ts";
import { reductionUses } from "./uses/reductions.ts";
import { spaceUses } from "./uses/space.ts";

export const uses: readonly Use[] = [
  ...elementwiseUses,
  ...productUses,
  ...reductionUses,
  ...recurrentUses,
  ...movementUses,
  ...spaceUses,
];
