/**
 * The weights of `Resize` along one axis. Resizing is linear and works on one axis after the other, so that these matrices say all.
 * @source https://onnx.ai/onnx/operators/onnx__Resize.html, onnx/reference/ops/op_resize.py
 */

/** How source positions are found and weighed: attributes of `Resize` under ONNX's names. */
export interface ResamplingRule {
  readonly mode: string;
  readonly coordinate_transformation_mode: string;
  readonly nearest_mode: string;
  readonly cubic_coeff_a: number;
  readonly antialias: number;
  readonly exclude_outside: number;
}

/** One axis: elements before and after, and how many target elements one source element becomes. */
export interface ResamplingAxis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
}

/** The matrix [output, input] in C order whose product with an axis resizes it; `undefined` for modes that it cannot hold. */
export function resamplingMatrix(axis: ResamplingAxis, rule: ResamplingRule): Float64Array | undefined {
  const { input, output, scale } = axis;
  const matrix = new Float64Array(output * input);
  for (let row = 0; row < output; row++) {
    const centre = sourcePosition(row, axis, rule.coordinate_transformation_mode);
    if (centre === undefined) return undefined;
    const taps = tapsAround(centre, Math.min(scale, 1), rule);
    const counted = rule.exclude_outside ? taps.filter(({ at }) => at >= 0 && at < input) : taps;
    const total = counted.reduce((sum, tap) => sum + tap.weight, 0);
    for (const { at, weight } of counted) {
      const column = Math.min(Math.max(at, 0), input - 1);
      matrix[row * input + column]! += weight / total;
    }
  }
  return matrix;
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** Where a target element lies among the source elements; `undefined` for unknown modes. */
function sourcePosition(index: number, { input, output, scale }: ResamplingAxis, mode: string): number | undefined {
  switch (mode) {
    case "half_pixel":
      return (index + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return output > 1 ? (index + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return output > 1 ? (index * (input - 1)) / (output - 1) : 0;
    case "asymmetric":
      return index / scale;
    case "half_pixel_symmetric": {
      const adjusted = output / (scale * input);
      return (input / 2) * (1 - adjusted) + (index + 0.5) / scale - 0.5;
    }
    default:
      return undefined;
  }
}

/** The source elements that a target element at `centre` reads. With antialiasing a shrinking kernel is wider by 1 / `shrink`. */
function tapsAround(centre: number, shrink: number, rule: ResamplingRule): readonly Tap[] {
  if (rule.mode === "nearest") return [{ at: nearest(centre, rule.nearest_mode), weight: 1 }];
  const isCubic = rule.mode === "cubic";
  const step = rule.antialias ? shrink : 1;
  const support = (isCubic ? 2 : 1) / step;
  const kernel = (x: number): number => (isCubic ? cubic(x, rule.cubic_coeff_a) : Math.max(0, 1 - Math.abs(x)));
  const taps: Tap[] = [];
  for (let at = Math.ceil(centre - support); at <= Math.floor(centre + support); at++) {
    const weight = kernel((at - centre) * step);
    if (weight !== 0) taps.push({ at, weight });
  }
  return taps;
}

function nearest(position: number, mode: string): number {
  if (mode === "floor") return Math.floor(position);
  if (mode === "ceil") return Math.ceil(position);
  return mode === "round_prefer_ceil" ? Math.floor(position + 0.5) : Math.ceil(position - 0.5);
}

/** Keys' cubic convolution kernel with free parameter `a`. @source Keys 1981, IEEE TASSP 29(6) */
function cubic(signed: number, a: number): number {
  const x = Math.abs(signed);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}
