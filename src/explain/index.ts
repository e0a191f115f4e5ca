/** Why a model says what it says: numbers first, pictures of them second. */

export { drawExplanation } from "./draw.ts";
export type { DrawImageOptions } from "./draw-image.ts";
export { type ExplainRequest, explainImage } from "./explain-image.ts";
export {
  type DistanceExplanation,
  type Explanation,
  type ExplanationMap,
  explanationJson,
  type FiltersExplanation,
  type ImageExplanation,
  type MapTable,
  type PositionsExplanation,
  type ReconstructionExplanation,
} from "./explanation.ts";
export { fittingMethods } from "./fitting.ts";
export type { Smoothing } from "./heat.ts";
export { type Choice, type Method, type MethodName, methodNamed, methodNames, methods } from "./methods.ts";
export { type Picture, rasterize } from "./picture.ts";
export {
  drawReconstruction,
  type Painter,
  type Reconstruction,
  type ReconstructionRequest,
  reconstruct,
} from "./reconstruction.ts";
export { type FeatureMap, type Readout, type Subject, subjectOf } from "./subject.ts";
export type { HeadFusion } from "./token-rows.ts";
export { drawWords } from "./words/draw-words.ts";
export { explainWords, methodsOfKind, type WordsRequest } from "./words/explain-words.ts";
export {
  type WordsAxis,
  type WordsExplanation,
  type WordsGroup,
  type WordsMap,
  type WordsMethodName,
  wordsExplanationJson,
  wordsMethodNames,
  wordsMethods,
} from "./words/words-explanation.ts";
