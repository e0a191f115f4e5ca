/**
 * Learning rates as pure functions of the step, so that a run that is resumed needs no schedule state.
 * A step counts the updates made before it: the first is 0.
 */

/** Learning rate at a step. */
export type Schedule = (step: number) => number;

/** Always the same. */
export function constantSchedule(learningRate: number): Schedule {
  return () => learningRate;
}

/** A linear rise before a schedule begins. */
export interface Warmup {
  /** Length of the rise. */
  readonly warmup?: number;
  /** Learning rate at step 0; default 0. */
  readonly warmupStart?: number;
}

/** Options of `cosineSchedule`. */
export interface CosineOptions extends Warmup {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Steps of the half cosine; the lowest learning rate holds afterwards. */
  readonly steps: number;
  /** Lowest learning rate; default 0. */
  readonly min?: number;
  /**
   * True: the cosine begins where the rise ends, so that the whole takes `warmup + steps` (Swin, MAE).
   * False (timm's default): the rise replaces the cosine's first steps, which then begins a little below its top.
   */
  readonly warmupPrefix?: boolean;
}

/**
 * min + (η − min) (1 + cos(π t / steps)) / 2, after a linear warm-up.
 * @source Loshchilov & Hutter, arXiv:1608.03983, equation 5; timm/scheduler/cosine_lr.py with one cycle
 */
export function cosineSchedule({
  learningRate,
  steps,
  min = 0,
  warmup = 0,
  warmupStart = 0,
  warmupPrefix = false,
}: CosineOptions): Schedule {
  const cosine: Schedule = (t) =>
    t < steps ? min + 0.5 * (learningRate - min) * (1 + Math.cos((Math.PI * t) / steps)) : min;
  return withWarmup(learningRate, { warmup, warmupStart }, (t) => cosine(warmupPrefix ? t - warmup : t));
}

/** Options of `linearSchedule`. */
export interface LinearOptions extends Warmup {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Steps of the whole, warm-up included; 0 is reached there. */
  readonly steps: number;
}

/** Linear to 0 after a linear warm-up. @source transformers get_linear_schedule_with_warmup */
export function linearSchedule({ learningRate, steps, warmup = 0, warmupStart = 0 }: LinearOptions): Schedule {
  return withWarmup(learningRate, { warmup, warmupStart }, (t) =>
    Math.max(0, (learningRate * (steps - t)) / (steps - warmup)),
  );
}

/** Options of `stepSchedule`. */
export interface StepOptions extends Warmup {
  /** Learning rate before the first fall. */
  readonly learningRate: number;
  /** Steps from one fall to the next. */
  readonly every: number;
  /** What each fall multiplies by; default 0.1. */
  readonly factor?: number;
}

/** η · factor^⌊t / every⌋, after a linear warm-up. @source torch.optim.lr_scheduler.StepLR; timm/scheduler/step_lr.py */
export function stepSchedule({
  learningRate,
  every,
  factor = 0.1,
  warmup = 0,
  warmupStart = 0,
}: StepOptions): Schedule {
  return withWarmup(learningRate, { warmup, warmupStart }, (t) => learningRate * factor ** Math.floor(t / every));
}

/** Options of `noamSchedule`. */
export interface NoamOptions {
  /** Width of the model. */
  readonly width: number;
  /** Updates until the highest learning rate. */
  readonly warmup: number;
  /** Default 1. */
  readonly factor?: number;
}

/** factor · width^−½ · min(n^−½, n · warmup^−3⁄2) at the n-th update. @source Vaswani et al., arXiv:1706.03762, equation 3 */
export function noamSchedule({ width, warmup, factor = 1 }: NoamOptions): Schedule {
  return (step) => {
    const n = step + 1;
    return factor * width ** -0.5 * Math.min(n ** -0.5, n * warmup ** -1.5);
  };
}

/** Options of `oneCycleSchedule`; PyTorch's defaults. */
export interface OneCycleOptions {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Steps of the whole. */
  readonly steps: number;
  /** Share of the steps in which it rises; default 0.3. */
  readonly rise?: number;
  /** Learning rate at step 0; default a 25th of the highest. */
  readonly start?: number;
  /** Learning rate at the last step; default a 10,000th of `start`. */
  readonly end?: number;
}

/**
 * From `start` up to η and down to `end`, each along half a cosine.
 * @source Smith & Topin, arXiv:1708.07120; torch.optim.lr_scheduler.OneCycleLR, without its cycle of momentum
 */
export function oneCycleSchedule({
  learningRate,
  steps,
  rise = 0.3,
  start = learningRate / 25,
  end = start / 1e4,
}: OneCycleOptions): Schedule {
  const top = rise * steps - 1;
  const between = (from: number, to: number, share: number): number =>
    to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  return (t) => {
    if (t <= top) return top > 0 ? between(start, learningRate, t / top) : learningRate;
    const from = Math.max(0, top);
    return between(learningRate, end, Math.min(1, (t - from) / (steps - 1 - from)));
  };
}

/** Options of `plateauRate`; PyTorch's defaults. */
export interface PlateauOptions {
  /** Learning rate before the first fall. */
  readonly learningRate: number;
  /** What each fall multiplies by; default 0.1. */
  readonly factor?: number;
  /** Measurements in a row without improvement that are borne before the next such one brings a fall; default 10. */
  readonly patience?: number;
  /** Lowest learning rate; default 0. */
  readonly min?: number;
}

/**
 * The learning rate after some measured losses: it falls when they no longer do. An improvement is a loss 0.01 % below the least so far.
 * A pure function of the losses, so that a run that is resumed needs nothing but them.
 * @source torch.optim.lr_scheduler.ReduceLROnPlateau
 */
export function plateauRate(
  losses: readonly number[],
  { learningRate, factor = 0.1, patience = 10, min = 0 }: PlateauOptions,
): number {
  let rate = learningRate;
  let least = Number.POSITIVE_INFINITY;
  let without = 0;
  for (const loss of losses) {
    const better = loss < least * (1 - 1e-4);
    if (better) least = loss;
    without = better ? 0 : without + 1;
    if (without <= patience) continue;
    const next = Math.max(rate * factor, min);
    if (rate - next > 1e-8) rate = next;
    without = 0;
  }
  return rate;
}

function withWarmup(top: number, { warmup, warmupStart }: Required<Warmup>, after: Schedule): Schedule {
  return (t) => (t < warmup ? warmupStart + (t * (top - warmupStart)) / warmup : after(t));
}
