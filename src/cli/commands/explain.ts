/** `vitrine explain IMAGE`: a picture of why. */
import type { Context } from "../context.ts";
export async function explain(_context: Context, _args: readonly [string], _options: object): Promise<undefined> {
  return undefined;
}
