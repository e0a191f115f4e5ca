/** Colours for numbers. Equal steps of a number are equal steps of lightness, so that no edge appears that the numbers do not have. */

/** Red, green, blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** A colour for each number in [0, 1]; numbers beyond count as the nearer end. */
export type ColourMap = (x: number) => Rgb;

/** Lightness, green–red and blue–yellow of Oklab. */
type Oklab = readonly [number, number, number];

/** Oklab → sRGB, cut to what a screen can show. @source Björn Ottosson, "A perceptual color space for image processing", 2020 */
function toRgb([L, a, b]: Oklab): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((x) => {
    const light = Math.min(Math.max(x, 0), 1);
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  }) as unknown as Rgb;
}

/** The way through colours at equal distances. */
function through(stops: readonly Oklab[]): ColourMap {
  const table = Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const [from, to, part] = [stops[first]!, stops[first + 1]!, place - first];
    return toRgb(from.map((x, k) => x + part * (to[k]! - x)) as unknown as Oklab);
  });
  return (x) => table[Math.round(255 * Math.min(Math.max(x, 0), 1))]!;
}

/** Chroma and hue in degrees → a colour of the given lightness. */
function stop(lightness: number, chroma: number, hue: number): Oklab {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/** Almost black, violet, red, orange, yellow: from little to much. */
export const sequential: ColourMap = through([
  stop(0.16, 0.04, 285),
  stop(0.32, 0.15, 296),
  stop(0.48, 0.19, 345),
  stop(0.64, 0.19, 32),
  stop(0.8, 0.15, 66),
  stop(0.96, 0.13, 104),
]);

/** Blue, light grey in the middle, red: from against to for. */
export const diverging: ColourMap = through([
  stop(0.4, 0.15, 260),
  stop(0.67, 0.11, 250),
  stop(0.94, 0.005, 90),
  stop(0.67, 0.14, 35),
  stop(0.4, 0.14, 27),
]);
