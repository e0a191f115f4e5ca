/** Sizes from the names that vitrine gives them in files: the text of their polynomials. */

import { addDims, type Dim, floorDivDim, mulDims, symbol } from "../graph/dim.ts";

/** The size whose text this is (`b`, `4*t+1`, `floor((t+1)/2)`); `undefined` for any other text. */
export function parseDim(text: string): Dim | undefined {
  const tokens = text.match(/floor\(|[A-Za-z_][\w.]*|\d+|[-+*/()]/g) ?? [];
  if (tokens.length === 0 || tokens.join("") !== text) return undefined;
  let at = 0;
  const sum = (): Dim | undefined => {
    const terms: Dim[] = [];
    do {
      const negative = tokens[at] === "-";
      if (negative || tokens[at] === "+") at++;
      const factors: Dim[] = [negative ? -1 : 1];
      do {
        if (tokens[at] === "*") at++;
        const factor = one();
        if (factor === undefined) return undefined;
        factors.push(factor);
      } while (tokens[at] === "*");
      terms.push(mulDims(...factors));
    } while (tokens[at] === "+" || tokens[at] === "-");
    return addDims(...terms);
  };
  const one = (): Dim | undefined => {
    const token = tokens[at++];
    if (token === undefined) return undefined;
    if (/^\d+$/.test(token)) return Number(token);
    if (token !== "floor(") return /^\w/.test(token) ? symbol(token) : undefined;
    const grouped = tokens[at] === "(";
    if (grouped) at++;
    const numerator = sum();
    if (grouped && tokens[at++] !== ")") return undefined;
    const [slash, divisor, close] = tokens.slice(at, (at += 3));
    if (numerator === undefined || slash !== "/" || !/^\d+$/.test(divisor ?? "") || close !== ")") return undefined;
    return floorDivDim(numerator, Number(divisor));
  };
  const dim = sum();
  return at === tokens.length ? dim : undefined;
}
