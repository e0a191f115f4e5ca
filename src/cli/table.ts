/** Tables of text: the one way in which verbs print rows. */

/** A column: its title and where its cells stand. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/**
 * Rows under their titles, columns two spaces apart, without trailing spaces; no line of titles where all are empty.
 * @param columns a title alone is a left-aligned column
 */
export function table(columns: readonly (Column | string)[], rows: readonly (readonly (string | number)[])[]): string {
  const heads = columns.map((column): Column => (typeof column === "string" ? { title: column } : column));
  const titles = heads.some(({ title }) => title !== "") ? [heads.map(({ title }) => title)] : [];
  const cells = [...titles, ...rows.map((row) => row.map(String))];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ""))));
  const line = (row: readonly string[]): string =>
    heads
      .map(({ align }, i) => {
        const cell = row[i] ?? "";
        const space = " ".repeat(widths[i]! - widthOf(cell));
        return align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return `${cells.map(line).join("\n")}\n`;
}

/** A right-aligned column, for numbers. */
export function right(title: string): Column {
  return { title, align: "right" };
}

/** Letters as people see them: class names may be in any script. */
function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    const combining = /\p{Mark}/u.test(letter);
    const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xff60) || code >= 0x1f300;
    width += combining ? 0 : wide ? 2 : 1;
  }
  return width;
}
