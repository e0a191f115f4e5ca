/**
 * The two file formats of preprocessing: timm's `pretrained_cfg` (in `config.json`) and Hugging Face's `preprocessor_config.json`.
 */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import { type CropRule, type Preprocessing, type ResizeRule, roundHalfEven } from "./preprocess.ts";
import type { Filter } from "./resize.ts";

const half = [0.5, 0.5, 0.5] as const;
/** Channel means of ImageNet, in timm's default. */
const imagenetMean = [0.485, 0.456, 0.406] as const;
/** Channel standard deviations of ImageNet, in timm's default. */
const imagenetStd = [0.229, 0.224, 0.225] as const;

const pixels = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const numbers = v.pipe(v.array(v.pipe(v.number(), v.finite())), v.minLength(1));
const deviations = v.pipe(v.array(positive), v.minLength(1));
const filters = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] as const satisfies readonly Filter[];

const timmSchema = v.object({
  input_size: v.optional(v.tuple([v.picklist([1, 3]), pixels, pixels]), [3, 224, 224]),
  interpolation: v.optional(v.picklist(filters), "bicubic"),
  crop_pct: v.optional(v.nullable(v.pipe(positive, v.maxValue(1))), null),
  crop_mode: v.optional(v.nullable(v.picklist(["center", "squash", "border"])), null),
  mean: v.optional(numbers, [...imagenetMean]),
  std: v.optional(deviations, [...imagenetStd]),
});

/**
 * Preprocessing from timm's `pretrained_cfg`, with the defaults of `timm.data.resolve_data_config` and `transforms_imagenet_eval`.
 * @param source - the parsed object; unknown keys are ignored.
 * @param place - file name for error messages.
 * @throws {VitrineError} INVALID_FILE naming the key that is wrong.
 */
export function preprocessingFromTimm(source: unknown, place: string): Preprocessing {
  const config = parse(timmSchema, source, place);
  const [channels, height, width] = config.input_size;
  const share = config.crop_pct ?? 0.875;
  const scaled = { height: Math.floor(height / share), width: Math.floor(width / share) };
  const mean = perChannel(config.mean, channels, "mean", place);
  const std = perChannel(config.std, channels, "std", place);
  const square = scaled.height === scaled.width;
  const border = config.crop_mode === "border";
  const resize: ResizeRule =
    config.crop_mode === "squash"
      ? { to: "exact", ...scaled }
      : border
        ? { to: "contain", ...scaled }
        : square
          ? { to: "shortest-edge", size: scaled.height }
          : { to: "cover", ...scaled };
  return {
    inputSize: [channels, height, width],
    resize,
    // timm passes no interpolation for sizes that are not square, and so gets the default of ResizeKeepRatio.
    filter: resize.to === "cover" ? "bilinear" : config.interpolation,
    crop: {
      height,
      width,
      fill: mean.map((m) => (border ? roundHalfEven(255 * m) : 0)),
      rounding: "half-even",
    },
    scale: 1 / 255,
    mean,
    std,
  };
}

/**
 * timm's `pretrained_cfg` keys for a preprocessing.
 * @throws {VitrineError} INVALID_ARGUMENT for one that timm's evaluation transform cannot express.
 */
export function preprocessingToTimm(config: Preprocessing): Record<string, unknown> {
  const [channels, height, width] = config.inputSize;
  const { resize } = config;
  const refuse = (evidence: string): VitrineError =>
    new VitrineError("INVALID_ARGUMENT", { rule: "timm's pretrained_cfg cannot express this preprocessing", evidence });
  if (resize === null) throw refuse("no resize");
  if (config.scale !== 1 / 255) throw refuse(`scale ${config.scale}`);
  if (resize.to === "shortest-edge" && (resize.longest !== undefined || height !== width))
    throw refuse("a shortest edge with a longest edge or an input that is not square");
  const scaled = resize.to === "shortest-edge" ? [resize.size, resize.size] : [resize.height, resize.width];
  const share = [0, 1]
    .map((axis) => shareOf(config.inputSize[axis + 1]!, scaled[axis]!))
    .find((s) => [height, width].every((size, axis) => Math.floor(size / s) === scaled[axis]));
  if (share === undefined || share > 1) throw refuse(`input ${height} × ${width} from ${scaled.join(" × ")}`);
  const modes = { exact: "squash", contain: "border", cover: "center", "shortest-edge": "center" } as const;
  return {
    input_size: [channels, height, width],
    interpolation: config.filter,
    crop_pct: share,
    crop_mode: modes[resize.to],
    mean: [...config.mean],
    std: [...config.std],
  };
}

/** A share s with floor(size / s) = scaled, as short a decimal as there is. */
function shareOf(size: number, scaled: number): number {
  for (let digits = 1; digits <= 6; digits++)
    for (const rounded of [Math.ceil, Math.floor]) {
      const share = rounded((size / scaled) * 10 ** digits) / 10 ** digits;
      if (Math.floor(size / share) === scaled) return share;
    }
  return size / (scaled + 0.5);
}

const edges = v.union([
  pixels,
  v.object({ height: pixels, width: pixels }),
  v.object({ shortest_edge: pixels, longest_edge: v.optional(v.nullable(pixels)) }),
]);
const flag = v.optional(v.nullable(v.boolean()));
const channelValues = v.optional(v.nullable(v.union([v.pipe(v.number(), v.finite()), numbers])));

const huggingFaceSchema = v.object({
  image_processor_type: v.optional(v.string()),
  feature_extractor_type: v.optional(v.string()),
  do_resize: flag,
  size: v.optional(v.nullable(edges)),
  resample: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5)))),
  do_center_crop: flag,
  crop_size: v.optional(v.nullable(edges)),
  crop_rounding: v.optional(v.picklist(["half-even", "floor"])),
  crop_pct: v.optional(v.nullable(v.number())),
  do_rescale: flag,
  rescale_factor: v.optional(v.nullable(positive)),
  do_normalize: flag,
  image_mean: channelValues,
  image_std: channelValues,
});

type Edges = v.InferOutput<typeof edges>;

/** Pillow's numbers of resampling filters. */
const pillowFilters = [
  "nearest",
  "lanczos",
  "bilinear",
  "bicubic",
  "box",
  "hamming",
] as const satisfies readonly Filter[];

/** What each processor class does where the file is silent. */
const processorDefaults: Record<
  string,
  { readonly size: Edges; readonly filter: Filter; readonly crop: Edges | null }
> = {
  ViT: { size: 224, filter: "bilinear", crop: null },
  DeiT: { size: 256, filter: "bicubic", crop: 224 },
  ViTHybrid: { size: { shortest_edge: 224 }, filter: "bicubic", crop: 224 },
  Bit: { size: { shortest_edge: 224 }, filter: "bicubic", crop: 224 },
  CLIP: { size: { shortest_edge: 224 }, filter: "bicubic", crop: 224 },
};

/**
 * Preprocessing from Hugging Face's `preprocessor_config.json`, as the Pillow back end of transformers does it.
 *
 * The default back end of transformers 5 resizes with torchvision instead, whose bytes differ by up to a few grey levels.
 * @param source - the parsed file; unknown keys are ignored, old ones (`feature_extractor_type`, a single number as size) are understood.
 * @param place - file name for error messages.
 * @throws {VitrineError} INVALID_FILE naming the key that is wrong, or a processor that works by other rules.
 */
export function preprocessingFromHuggingFace(source: unknown, place: string): Preprocessing {
  const config = parse(huggingFaceSchema, source, place);
  const type = config.image_processor_type ?? config.feature_extractor_type ?? "ViTImageProcessor";
  const defaults = processorDefaults[type.replace(/(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/, "")];
  if (defaults === undefined)
    throw invalid(place, "image_processor_type", `must be one of ${Object.keys(processorDefaults).join(", ")}`, type);
  if (config.crop_pct !== undefined && config.crop_pct !== null)
    throw invalid(
      place,
      "crop_pct",
      "must be absent: it belongs to a processor that works by other rules",
      config.crop_pct,
    );
  const size = config.do_resize === false ? null : (config.size ?? defaults.size);
  const cropped = (config.do_center_crop ?? defaults.crop !== null) ? (config.crop_size ?? defaults.crop ?? 224) : null;
  const resize = size === null ? null : resizeRule(size);
  const area = cropped === null ? resize : resizeRule(cropped);
  if (area?.to !== "exact")
    throw invalid(
      place,
      cropped === null ? "size" : "crop_size",
      "must be one height and width for all images",
      cropped ?? size,
    );
  const scale = config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255);
  const normalized = config.do_normalize !== false;
  const values = (key: "image_mean" | "image_std", neutral: number): number[] => {
    const given = config[key] ?? [...half];
    return !normalized ? [neutral, neutral, neutral] : Array.isArray(given) ? given : [given, given, given];
  };
  const mean = values("image_mean", 0);
  const std = values("image_std", 1);
  if (std.some((s) => s <= 0)) throw invalid(place, "image_std", "must be positive", std);
  const channels = mean.length === 1 ? 1 : 3;
  const crop: CropRule | null =
    cropped === null
      ? null
      : {
          height: area.height,
          width: area.width,
          fill: [0, 0, 0].slice(0, channels),
          rounding: config.crop_rounding ?? "floor",
        };
  return {
    inputSize: [channels, area.height, area.width],
    resize,
    filter: typeof config.resample === "number" ? pillowFilters[config.resample]! : defaults.filter,
    crop,
    scale,
    mean: perChannel(mean, channels, "image_mean", place),
    std: perChannel(std, channels, "image_std", place),
  };
}

function resizeRule(size: Edges): ResizeRule {
  if (typeof size === "number") return { to: "exact", height: size, width: size };
  if ("height" in size) return { to: "exact", height: size.height, width: size.width };
  return {
    to: "shortest-edge",
    size: size.shortest_edge,
    ...(size.longest_edge ? { longest: size.longest_edge } : {}),
  };
}

/**
 * The object for `preprocessor_config.json`. One key is ours: `crop_rounding`, for crops that fall on half a pixel; transformers ignores it, and cuts the upper and left one.
 * @throws {VitrineError} INVALID_ARGUMENT for a preprocessing that Hugging Face's processors cannot express.
 */
export function preprocessingToHuggingFace(config: Preprocessing): Record<string, unknown> {
  const { resize, crop } = config;
  if (resize?.to === "cover" || resize?.to === "contain" || crop?.fill.some((byte) => byte !== 0))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "preprocessor_config.json cannot express this preprocessing",
      evidence:
        resize?.to === "cover" || resize?.to === "contain" ? `resize to "${resize.to}"` : "a border that is not black",
    });
  const longest =
    resize?.to === "shortest-edge" && resize.longest !== undefined ? { longest_edge: resize.longest } : {};
  const size: { readonly shortest_edge?: number; readonly height?: number; readonly width?: number } =
    resize === null
      ? { height: config.inputSize[1], width: config.inputSize[2] }
      : resize.to === "exact"
        ? { height: resize.height, width: resize.width }
        : { shortest_edge: resize.size, ...longest };
  return {
    // ViT's resizes to height and width alone, and crops nothing, by the code of transformers 4.57; BiT's does all of this there and in 5.
    image_processor_type: crop === null && size.shortest_edge === undefined ? "ViTImageProcessor" : "BitImageProcessor",
    do_convert_rgb: config.inputSize[0] === 3,
    do_resize: resize !== null,
    size,
    resample: pillowFilters.indexOf(config.filter),
    do_center_crop: crop !== null,
    ...(crop ? { crop_size: { height: crop.height, width: crop.width }, crop_rounding: crop.rounding } : {}),
    do_rescale: config.scale !== 1,
    rescale_factor: config.scale,
    do_normalize: true,
    image_mean: [...config.mean],
    image_std: [...config.std],
  };
}

function parse<S extends v.GenericSchema>(schema: S, source: unknown, place: string): v.InferOutput<S> {
  const result = v.safeParse(schema, source);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw invalid(place, v.getDotPath(issue) ?? "the whole file", `must be ${issue.expected ?? "valid"}`, issue.received);
}

function invalid(place: string, key: string, rule: string, got: unknown): VitrineError {
  return new VitrineError("INVALID_FILE", {
    rule: `${key} ${rule}`,
    evidence: `got ${typeof got === "string" ? got : JSON.stringify(got)}`,
    place,
  });
}

/** The values for each channel: as given, or the one that is given for all (as for grey images). */
function perChannel(values: readonly number[], channels: number, key: string, place: string): readonly number[] {
  if (values.length === channels) return values;
  if (values.every((value) => value === values[0])) return Array.from({ length: channels }, () => values[0]!);
  throw invalid(place, key, `must have ${channels} numbers, one for each channel`, values);
}
