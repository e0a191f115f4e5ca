/** An image and a model → why: one door to all methods. */

import type { Image } from "../data/image.ts";
import { normalize, type Preprocessing, preprocess, visibleRegion } from "../data/preprocess.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { attentionMaps, attentionQuestion } from "./attention.ts";
import { distanceQuestion, distancesOf } from "./attention-distance.ts";
import type { DistanceExplanation, Explanation, ImageExplanation } from "./explanation.ts";
import { explainFilters } from "./filters.ts";
import { fittingMethod } from "./fitting.ts";
import { gradCamMap, gradCamQuestion } from "./grad-cam.ts";
import { innerMaps, innerQuestion } from "./inner-attention.ts";
import { integrateGradients } from "./integrated-gradients.ts";
import { look, type Seen } from "./look.ts";
import { type Choice, type MethodName, methodNamed } from "./methods.ts";
import { explainPositions } from "./positions.ts";
import { relevanceQuestion, relevanceRow } from "./relevance.ts";
import { rolloutQuestion, rolloutRow } from "./rollout.ts";
import { stageMaps, stagesQuestion } from "./stages.ts";
import { type Subject, subjectOf, tokenAsked } from "./subject.ts";
import { type HeadFusion, mapOfRow, matrixOf, startingRow } from "./token-rows.ts";
import { windowMaps, windowQuestion } from "./window-attention.ts";

/** What is to be explained, and how. */
export interface ExplainRequest {
  readonly pretrained: Pick<Pretrained, "name" | "model" | "preprocessing" | "labels">;
  readonly runtime: Runtime;
  readonly image: Image;
  /** Default: the first of `methodNames` that fits the model. */
  readonly method?: MethodName | undefined;
  /** The class to explain, by index; default: the predicted one. */
  readonly class?: number | undefined;
  /** Whose attention or relevance to follow: a token by number (those that are no patches come first) … */
  readonly token?: number | undefined;
  /** … or a patch [row, column], from 0; default: what the model's logits are read from, for windows a patch in the middle. */
  readonly patch?: GridSize | undefined;
  /** One block, one head, from 0; default: all. */
  readonly block?: number | undefined;
  readonly head?: number | undefined;
  /** How `rollout` makes one matrix of all heads; default `mean`. */
  readonly fusion?: HeadFusion | undefined;
  /** Share of the smallest weights that `rollout` sets to zero, in [0, 1); default 0. */
  readonly discard?: number | undefined;
}

/**
 * Explains what a model makes of an image.
 * @throws {VitrineError} UNKNOWN_NAME for an unknown method; INVALID_ARGUMENT for a class, token, patch, block or head out of range, a choice that the method
 * does not know, or a model that the method does not fit, with the methods that do.
 */
export async function explainImage(request: ExplainRequest): Promise<Explanation> {
  const { pretrained } = request;
  if (request.method !== undefined) methodNamed(request.method, choicesOf(request));
  const subject = subjectOf(pretrained);
  const method = fittingMethod(subject, pretrained.preprocessing.inputSize, request.method);
  methodNamed(method, choicesOf(request));
  switch (method) {
    case "positions":
      return explainPositions(subject);
    case "filters":
      return explainFilters(subject);
    case "attention-distance":
      return explainDistance(request, subject);
    case "attention":
      return explainAttention(request, subject);
    case "inner-attention":
      return explainInnerAttention(request, subject);
    case "window-attention":
      return explainWindows(request, subject);
    case "stages":
      return explainStages(request, subject);
    case "rollout":
      return explainRollout(request, subject);
    case "relevance":
      return explainRelevance(request, subject);
    case "grad-cam":
      return explainGradCam(request, subject);
    case "integrated-gradients":
      return explainIntegratedGradients(request, subject);
  }
}

function choicesOf(request: ExplainRequest): readonly Choice[] {
  const all: readonly Choice[] = ["class", "token", "patch", "block", "head", "fusion", "discard"];
  return all.filter((choice) => request[choice] !== undefined);
}

/** float32 [1, c, H, W]. */
function inputOf({ image, pretrained }: ExplainRequest): NdArray {
  const { data, shape } = preprocess(image, pretrained.preprocessing);
  return { dtype: "float32", shape: [1, ...shape], data };
}

async function explainAttention(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const { readout } = subject;
  // A pooling query has no row in the blocks: the mean of the tokens that it pools stands for it.
  const query: Subject["readout"] =
    readout.kind === "attention" ? { kind: "mean", first: readout.first, name: "mean of all patches" } : readout;
  const layouts: Pick<Seen, "prefix" | "grid">[] = [];
  const seen = await look(
    subject,
    inputOf(request),
    (traced) => {
      layouts.push(traced);
      const token = tokenAsked(request, traced.prefix, traced.grid);
      return attentionQuestion(() => startingRow({ readout: query }, traced, { token }))(traced);
    },
    request,
  );
  return imageExplanation(request, { ...subject, readout: query }, seen, {
    method: "attention",
    quantity: "attention weight",
    classSpecific: false,
    ...attentionMaps(seen, request),
  });
}

async function explainInnerAttention(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const [, high, wide] = request.pretrained.preprocessing.inputSize;
  const seen = await look(subject, inputOf(request), innerQuestion, request);
  const { words, ...own } = innerMaps(seen, request, [high, wide]);
  return imageExplanation(request, { ...subject, readout: { kind: "none", reason: "" } }, seen, {
    method: "inner-attention",
    quantity: "share of its patch's attention",
    classSpecific: false,
    facts: { words },
    ...own,
  });
}

async function explainWindows(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const { runtime, block } = request;
  const seen = await look(subject, inputOf(request), windowQuestion(block), { runtime });
  const { maps, grid, patch } = windowMaps(seen, request);
  return imageExplanation({ ...request, patch: undefined }, subject, seen, {
    method: "window-attention",
    quantity: "attention weight",
    classSpecific: false,
    query: `patch ${patch.join(", ")}`,
    queryPatch: patch,
    ...{ maps, grid },
  });
}

async function explainStages(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const seen = await look(subject, inputOf(request), stagesQuestion(subject), request);
  return imageExplanation(request, subject, seen, {
    method: "stages",
    quantity: "features",
    classSpecific: false,
    ...stageMaps(seen, subject),
  });
}

async function explainRollout(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const { fusion = "mean", discard = 0 } = request;
  const seen = await look(subject, inputOf(request), rolloutQuestion(subject, fusion), request);
  const start = startOf(request, subject, seen);
  const matrices = Array.from({ length: seen.blocks }, (_, i) => matrixOf(seen, i));
  const row = rolloutRow(start, matrices, { discard, prefix: seen.prefix });
  return imageExplanation(request, subject, seen, {
    method: "rollout",
    quantity: "share of attention",
    classSpecific: false,
    maps: [mapOfRow("rollout", row, seen)],
    facts: { fusion, discard },
  });
}

async function explainRelevance(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const options = { runtime: request.runtime, classIndex: request.class };
  const seen = await look(subject, inputOf(request), relevanceQuestion(subject), options);
  const start = startOf(request, subject, seen);
  const matrices = Array.from({ length: seen.blocks }, (_, i) => matrixOf(seen, i));
  return imageExplanation(request, subject, seen, {
    method: "relevance",
    quantity: "relevance",
    classSpecific: true,
    maps: [mapOfRow("relevance", relevanceRow(start, matrices), seen)],
  });
}

async function explainGradCam(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const options = { runtime: request.runtime, classIndex: request.class };
  const seen = await look(subject, inputOf(request), gradCamQuestion(subject), options);
  const map = gradCamMap(seen);
  const last = subject.stages.at(-1);
  return imageExplanation(request, subject, seen, {
    method: "grad-cam",
    quantity: "weighted features",
    classSpecific: true,
    maps: [map],
    grid: { rows: map.rows, cols: map.cols },
    ...(last && { facts: { "features of": last.tap } }),
  });
}

async function explainIntegratedGradients(request: ExplainRequest, subject: Subject): Promise<ImageExplanation> {
  const { runtime, pretrained } = request;
  const input = inputOf(request);
  const seen = await look(subject, input, () => ({}), { runtime, classIndex: request.class });
  const { map, difference, sum } = await integrateGradients(subject, input, blackInput(pretrained.preprocessing), {
    runtime,
    classIndex: seen.classIndex,
  });
  return imageExplanation(request, subject, seen, {
    method: "integrated-gradients",
    quantity: "part of the logit",
    classSpecific: true,
    maps: [map],
    facts: { baseline: "black", cells: subject.ordered ? "patches" : "cells of pixels", difference, sum },
  });
}

async function explainDistance(request: ExplainRequest, subject: Subject): Promise<DistanceExplanation> {
  const [, high, wide] = request.pretrained.preprocessing.inputSize;
  const seen = await look(subject, inputOf(request), distanceQuestion([high, wide]), request);
  return {
    kind: "distance",
    method: "attention-distance",
    model: subject.name,
    quantity: "mean attention distance in pixels",
    distances: distancesOf(seen),
  };
}

/** What the model sees of a black image. */
function blackInput(preprocessing: Preprocessing): NdArray {
  const [channels, height, width] = preprocessing.inputSize;
  const data = new Float32Array(channels * height * width);
  normalize({ width, height, channels, data: new Uint8Array(data.length) }, preprocessing, data);
  return { dtype: "float32", shape: [1, channels, height, width], data };
}

function startOf(request: ExplainRequest, subject: Subject, seen: Seen): Float64Array {
  const token = tokenAsked(request, seen.prefix, seen.grid);
  return startingRow(subject, seen, { token, pooling: seen.answers.pooling });
}

type Own = Pick<ImageExplanation, "method" | "quantity" | "classSpecific" | "maps"> &
  Partial<Pick<ImageExplanation, "table" | "facts" | "grid" | "query" | "queryPatch">>;

function imageExplanation(request: ExplainRequest, subject: Subject, seen: Seen, own: Own): ImageExplanation {
  const { labels } = request.pretrained;
  const { logits, classIndex, prefix, grid } = seen;
  const token = tokenAsked(request, prefix, grid);
  const patch = token !== undefined && token >= prefix ? token - prefix : undefined;
  const queryPatch: GridSize | undefined =
    patch === undefined ? undefined : [Math.floor(patch / grid[1]), patch % grid[1]];
  const startsAtLogit = own.method === "grad-cam" || own.method === "integrated-gradients";
  const { readout } = subject;
  return {
    kind: "image",
    model: subject.name,
    classIndex,
    label: subject.hasClasses ? (labels[classIndex] ?? `class ${classIndex}`) : "",
    score: probability(logits, classIndex),
    logit: logits[classIndex]!,
    query: startsAtLogit
      ? ""
      : queryPatch
        ? `patch ${queryPatch.join(", ")}`
        : token !== undefined
          ? subject.prefix[token]!
          : readout.kind === "none"
            ? ""
            : readout.name,
    queryPatch,
    grid: { rows: grid[0], cols: grid[1] },
    table: { rowTitles: [""], colTitles: [""] },
    view: visibleRegion(request.image, request.pretrained.preprocessing),
    inputSize: [request.pretrained.preprocessing.inputSize[1], request.pretrained.preprocessing.inputSize[2]],
    channels: request.pretrained.preprocessing.inputSize[0],
    facts: {},
    ...own,
  };
}

/** Softmax of one logit. */
function probability(logits: Float32Array, index: number): number {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return Math.exp(logits[index]! - largest) / total;
}
