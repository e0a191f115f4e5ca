/** Curves in text: letters of Braille, each two dots wide and four high. */

/** The dots of a letter, by column and row. @source Unicode, block "Braille Patterns" */
const dots: readonly (readonly number[])[] = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];

/**
 * Numbers in their order as a curve; the least and the largest number touch the lower and the upper edge.
 * @param width and `height` in letters
 * @returns `height` lines of `width` letters; numbers that are not finite leave a gap
 */
export function curve(values: readonly number[], width: number, height: number): readonly string[] {
  const [across, down] = [2 * width, 4 * height];
  const columns = columnsOf(values, across);
  const finite = columns.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const rowOf = (value: number): number =>
    high > low ? Math.round((1 - (value - low) / (high - low)) * (down - 1)) : down >> 1;
  const letters = Array.from({ length: height }, () => new Array<number>(width).fill(0x2800));
  let before: number | undefined;
  for (const [x, value] of columns.entries()) {
    if (!Number.isFinite(value)) {
      before = undefined;
      continue;
    }
    const row = rowOf(value);
    // Up to the row of the column before, so that a steep curve has no gaps.
    const [from, to] =
      before === undefined || before === row ? [row, row] : before < row ? [before + 1, row] : [row, before - 1];
    for (let y = from; y <= to; y++) letters[y >> 2]![x >> 1]! |= dots[x & 1]![y & 3]!;
    before = row;
  }
  return letters.map((line) => String.fromCodePoint(...line));
}

/** One number for each column: means of neighbours where there are more, the nearest before where there are fewer. */
function columnsOf(values: readonly number[], count: number): readonly number[] {
  if (values.length === 0) return new Array<number>(count).fill(Number.NaN);
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * values.length) / count);
    const part = values.slice(from, Math.max(from + 1, Math.floor(((i + 1) * values.length) / count)));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/**
 * A curve with its range and name, for a terminal:
 *
 *     2.31 ⡇⠈⠢⢄⡀
 *     0.12      ⠉⠒⠤⣀  loss
 * @param text how numbers are written
 */
export function titledCurve(
  name: string,
  values: readonly number[],
  text: (value: number) => string,
  width = 56,
  height = 4,
): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return "";
  const ends = [text(finite.reduce((a, b) => Math.max(a, b))), text(finite.reduce((a, b) => Math.min(a, b)))];
  const room = Math.max(...ends.map(({ length }) => length));
  return curve(values, width, height)
    .map((line, i) => {
      const end = i === 0 ? ends[0]! : i === height - 1 ? ends[1]! : "";
      return `${end.padStart(room)} ${line}${i === height - 1 ? `  ${name}` : ""}`;
    })
    .join("\n");
}
