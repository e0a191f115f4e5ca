/** Lines over a common axis, as one SVG element whose colours come from the page. */

import { numberText, ticksOf } from "../explain/colour-bar.ts";
import { escaped } from "./text.ts";

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** Which of the page's colours. */
  readonly colour: "train" | "validation" | "plain";
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `faint` lies behind and has no name beside it; `dots` marks each point, with its numbers on hovering. */
  readonly style: "line" | "faint" | "dots";
}

/** A chart of lines. */
export interface Chart {
  /** Said by screen readers, and above the chart. */
  readonly title: string;
  readonly unit?: "share" | undefined;
  readonly lines: readonly Line[];
  /** End of the horizontal axis, which begins at 0 and counts epochs. */
  readonly epochs: number;
  /** An epoch to mark, and its name. */
  readonly mark?: { readonly at: number; readonly name: string } | undefined;
  /** The vertical axis begins at zero. */
  readonly fromZero?: boolean | undefined;
}

const [width, height] = [440, 250];
const room = { left: 46, right: 78, top: 14, bottom: 36 } as const;

/** The chart as SVG. Points that are not finite are left out. */
export function chartSvg({ title, unit, lines, epochs, mark, fromZero = false }: Chart): string {
  const finite = lines.map((line) => ({
    ...line,
    points: line.points.filter((point) => point.every(Number.isFinite)),
  }));
  const values = finite.flatMap(({ points }) => points.map(([, y]) => y));
  if (values.length === 0) return `<p class="quiet">no numbers of ${escaped(title)}</p>`;
  // A single line is named by the chart's title.
  const frame = lines.length > 1 ? room : { ...room, right: 14 };
  const { low, high } = range(values, fromZero, unit === "share");
  const x = (value: number): number => frame.left + (value / epochs) * (width - frame.left - frame.right);
  const y = (value: number): number =>
    height - frame.bottom - ((value - low) / (high - low)) * (height - frame.top - frame.bottom);
  const text = (value: number): string => (unit === "share" ? `${numberText(100 * value)} %` : numberText(value));
  const parts: string[] = [];
  for (const tick of ticksOf({ low, high }, 5))
    parts.push(
      `<line class="grid" x1="${frame.left}" x2="${width - frame.right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>`,
      `<text class="tick" x="${frame.left - 7}" y="${at(y(tick) + 4)}" text-anchor="end">${text(clean(tick))}</text>`,
    );
  for (const tick of epochTicks(epochs))
    parts.push(
      `<text class="tick" x="${at(x(tick))}" y="${height - frame.bottom + 17}" text-anchor="middle">${numberText(tick)}</text>`,
    );
  parts.push(
    `<text class="tick" x="${at((frame.left + width - frame.right) / 2)}" y="${height - 2}" text-anchor="middle">epoch</text>`,
    `<line class="axis" x1="${frame.left}" x2="${width - frame.right}" y1="${height - frame.bottom}" y2="${height - frame.bottom}"/>`,
  );
  if (mark)
    parts.push(
      `<line class="mark" x1="${at(x(mark.at))}" x2="${at(x(mark.at))}" y1="${frame.top}" y2="${height - frame.bottom}"><title>${escaped(mark.name)}</title></line>`,
    );
  for (const { points, colour, style, name } of finite) {
    const path = points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${at(x(px))} ${at(y(py))}`).join("");
    parts.push(`<path class="${style === "faint" ? "faint" : "line"} ${colour}" d="${path}"/>`);
    if (style === "dots")
      for (const [px, py] of points)
        parts.push(
          `<circle class="dot ${colour}" cx="${at(x(px))}" cy="${at(y(py))}" r="3.5"><title>${escaped(`${name}, epoch ${numberText(px)}: ${text(py)}`)}</title></circle>`,
        );
  }
  const named = finite.filter(({ style, points }) => style !== "faint" && points.length > 0);
  const ends = named.map(({ name, colour, points }) => ({ name, colour, y: y(points[points.length - 1]![1]) }));
  for (const end of lines.length > 1 ? apart(ends, 14) : [])
    parts.push(
      `<text class="name ${end.colour}" x="${width - frame.right + 7}" y="${at(end.y + 4)}">${escaped(end.name)}</text>`,
    );
  const said = named.map(
    ({ name, points }) => `${name} from ${text(points[0]![1])} to ${text(points[points.length - 1]![1])}`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(`${title}: ${said.join("; ")}`)}">${parts.join("")}</svg>`;
}

/** A tenth of a pixel is enough. */
const at = (value: number): string => String(Math.round(value * 10) / 10);

/** Without the error of adding steps. */
const clean = (value: number): number => Number(value.toPrecision(10));

function range(
  values: readonly number[],
  fromZero: boolean,
  isShare: boolean,
): { readonly low: number; readonly high: number } {
  const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const spare = (most - least) * 0.06 || Math.abs(most) * 0.5 || 1;
  const low = fromZero ? Math.min(0, least) : least - spare;
  return isShare ? { low: Math.max(0, low), high: Math.min(1, most + spare) } : { low, high: most + spare };
}

function epochTicks(epochs: number): readonly number[] {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const step = steps.find((one) => epochs / one <= 8) ?? 1000;
  return Array.from({ length: Math.floor(epochs / step) + 1 }, (_, i) => i * step);
}

/** The same, moved down where they stood closer than `distance`. */
function apart<T extends { readonly y: number }>(ends: readonly T[], distance: number): readonly T[] {
  let last = Number.NEGATIVE_INFINITY;
  return [...ends]
    .sort((a, b) => a.y - b.y)
    .map((end) => {
      last = Math.max(end.y, last + distance);
      return { ...end, y: last };
    });
}
