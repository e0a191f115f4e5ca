/** `vitrine demo`: everything once, on a fresh machine without a network. */

import type { Context } from "../context.ts";
export async function demo(_context: Context): Promise<undefined> {
  return undefined;
}
