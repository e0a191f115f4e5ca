/** Numbers and words as the report writes them. */

/** Text that may stand in HTML, between tags and in attributes. */
export { escapeXml as escaped } from "../explain/svg.ts";

/** `94.4 %` of a share in [0, 1]; `–` for NaN. */
export function percent(share: number, digits = 1): string {
  return Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits)} %`;
}

/** `0.944`; `–` for NaN. */
export function decimal(value: number, digits = 3): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits).replace("-", "−");
}

/** `5,717,416`. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 image`, `1,200 images`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** `2 h 05 min`, `3 min 05 s`, `42 s`, `0.8 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** A setting's name in words: `labelSmoothing` → `label smoothing`. */
export function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Paths without the folders that all of them begin with: what tells them apart, and nothing of the machine that they lie on. */
export function withoutCommonFolder(paths: readonly string[]): readonly string[] {
  const parts = paths.map((path) => path.split(/[\\/]/));
  const [first = []] = parts;
  let common = 0;
  while (common < first.length - 1 && parts.every((one) => common < one.length - 1 && one[common] === first[common]))
    common++;
  return parts.map((one) => one.slice(common).join("/"));
}
