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

function withWarmup(top: number, { warmup, warmupStart }: Required<Warmup>, after: Schedule): Schedule {
  return (t) => (t < warmup ? warmupStart + (t * (top - warmupStart)) / warmup : after(t));
}
