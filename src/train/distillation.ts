/**
 * A teacher beside the labels: DeiT's distillation.
 *
 * Touvron et al., "Training data-efficient image transformers & distillation through attention", arXiv:2012.12877, section 4.
 * Reference code: facebookresearch/deit, losses.py.
 */

import { compile } from "../compile/index.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { type Distillation, distillationLoss } from "../losses/distillation.ts";
import { crossEntropySoft } from "../losses/index.ts";
import { evaluation, type Mode } from "../nn/module.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Tensor, tensor } from "../tensor/index.ts";
import { collectTaps } from "../tensor/scope.ts";
import type { Classifier, LabelLoss, Objective } from "./objective.ts";

/** Who learns from whom, and how. */
export interface DistillationOptions {
  readonly student: Pretrained;
  /** Has the student's labels. */
  readonly teacher: Pretrained;
  readonly runtime: Runtime;
  readonly how: Distillation;
  /** α: weight of the teacher in the loss, in [0, 1]; the labels have 1 − α. DeiT: 0.5 */
  readonly weight: number;
  /** Loss beside the labels; cross-entropy without it. */
  readonly labelLoss?: LabelLoss | undefined;
  /** How the student runs; training without it. */
  readonly mode?: Mode | undefined;
  /** Tells this teacher from others, where a run is continued; its name without it. */
  readonly identity?: string | undefined;
}

/** The objective, and an end for its teacher. */
export interface DistillationObjective extends Objective {
  dispose(): Promise<void>;
}

/**
 * (1 − α) · label loss + α · loss beside the teacher. A student with a distillation token learns the labels at its class token and the teacher at the
 * other; one without it learns both from the same logits. The teacher sees the pixels that the student sees, after augmentation and mixing.
 * @throws {VitrineError} INVALID_ARGUMENT where the teacher's labels, or the images it takes, are others than the student's.
 */
export async function distillation(options: DistillationOptions): Promise<DistillationObjective> {
  const { student, teacher, runtime, how, weight, labelLoss = crossEntropySoft, mode = { train: true } } = options;
  requireFittingTeacher(student, teacher);
  const [c, h, w] = student.preprocessing.inputSize;
  const executable = await compile(
    ({ images }) => ({ logits: teacher.model.forward(asTeacherSees(images!, student, teacher), evaluation) }),
    { images: ["b", c, h, w] },
    { runtime },
  );
  return {
    inputs: { teacher: [teacher.labels.length] },
    feeds: async ({ images }) => ({
      teacher: await inParts(images, teacherBatch, (part) => executable.run({ images: part })),
    }),
    loss: (part) => {
      const { logits, ofLabels, ofTeacher } = answers(student.model, part.images!, mode);
      const own = labelLoss(ofLabels, part.targets!);
      const taught = distillationLoss(ofTeacher, part.teacher!, how);
      return { loss: own.mul(1 - weight).add(taught.mul(weight)), logits };
    },
    identity: { teacher: options.identity ?? teacher.name, how, weight },
    dispose: () => executable.dispose(),
  };
}

/** Images that the teacher sees at once: its memory stays small beside the step's. */
const teacherBatch = 8;

async function inParts(
  images: NdArray,
  size: number,
  run: (part: NdArray) => Promise<Readonly<Record<string, NdArray>>>,
): Promise<NdArray> {
  const [b, ...rest] = images.shape as readonly [number, ...number[]];
  const each = rest.reduce((product, n) => product * n, 1);
  const data = images.data as Float32Array;
  let logits: Float32Array | undefined;
  let labels = 0;
  for (let first = 0; first < b; first += size) {
    const count = Math.min(size, b - first);
    const part = data.subarray(first * each, (first + count) * each);
    const result = (await run({ dtype: "float32", shape: [count, ...rest], data: part })).logits!;
    labels = result.shape[1]!;
    logits ??= new Float32Array(b * labels);
    logits.set(result.data as Float32Array, first * labels);
  }
  return { dtype: "float32", shape: [b, labels], data: logits! };
}

/** The student's logits [b, k]: of its answer, for the labels, and for the teacher. */
function answers(
  student: Classifier,
  images: Tensor,
  mode: Mode,
): { readonly logits: Tensor; readonly ofLabels: Tensor; readonly ofTeacher: Tensor } {
  const { result: logits, taps } = collectTaps(() => student.forward(images, mode));
  const [own, taught] = ["logits.class", "logits.distillation"].map((name) => taps.get(name));
  return {
    logits,
    ofLabels: own ? new Tensor(own) : logits,
    ofTeacher: taught ? new Tensor(taught) : logits,
  };
}

/** The student's pixels as the teacher's: another scale, mean and deviation. */
function asTeacherSees(images: Tensor, { preprocessing: from }: Pretrained, { preprocessing: to }: Pretrained): Tensor {
  const ratio = to.scale / from.scale;
  const factors = from.std.map((std, i) => (std * ratio) / to.std[i]!);
  const terms = from.mean.map((mean, i) => (mean * ratio - to.mean[i]!) / to.std[i]!);
  if (factors.every((s) => s === 1) && terms.every((s) => s === 0)) return images;
  const perChannel = (values: readonly number[]): Tensor => tensor(values).reshape([1, values.length, 1, 1]);
  return images.mul(perChannel(factors)).add(perChannel(terms));
}

/** Stops unless a teacher has the student's labels and takes its images. @throws {VitrineError} INVALID_ARGUMENT */
export function requireFittingTeacher(student: Pretrained, teacher: Pretrained): void {
  const refuse = (rule: string, evidence: string, next?: string): VitrineError =>
    new VitrineError("INVALID_ARGUMENT", { rule: `distillation: ${rule}`, evidence, place: teacher.name, next });
  const same =
    student.labels.length === teacher.labels.length && student.labels.every((l, i) => l === teacher.labels[i]);
  if (!same)
    throw refuse(
      "the teacher must have the student's labels",
      `got ${teacher.labels.length} for ${student.labels.length}`,
      "train the teacher on the same classes first",
    );
  const [seen, taken] = [student, teacher].map(({ preprocessing }) => preprocessing.inputSize.join(" × "));
  if (seen !== taken)
    throw refuse(
      `the teacher must take pictures of ${seen}`,
      `got ${taken}`,
      "give the student the teacher's image size (imageSize and channels of `model` in a configuration)",
    );
}
