/** From pictures to answers, and from answers to figures of how good they are. */

export { augmentedClassifier, type Views } from "./augmented.ts";
export {
  type Answers,
  type Calibration,
  calibration,
  fitTemperature,
  type ReliabilityBin,
  type Temperature,
} from "./calibration.ts";
export { best, type Classifier, classifier, type Prediction } from "./classify.ts";
export {
  type BeamOptions,
  beamSearch,
  lengthPenalty,
  type Sentence,
  type SentenceRow,
  type WordModel,
  wuPenalty,
} from "./decode/beam-search.ts";
export {
  Gpt2Writer,
  gpt2StepGraph,
  type TextOptions,
  type TextSearch,
  type WrittenText,
  type WrittenWord,
} from "./decode/gpt2.ts";
export { gpt2OnnxGraph } from "./decode/gpt2-onnx.ts";
export { RecurrentWriter } from "./decode/recurrent-language.ts";
export { type Choice, choiceOf, type SamplingOptions, wordAt } from "./decode/sampling.ts";
export { type AlignedSentence, type Seq2SeqDecoding, Seq2SeqWriter } from "./decode/seq2seq.ts";
export { type WordTransformerDecoding, WordTransformerWriter } from "./decode/word-transformer.ts";
export { type ClassReport, type Evaluation, evaluate, type LabelledBatch, matchLabels } from "./evaluate.ts";
export {
  evaluateText,
  evaluateTranslations,
  type LengthBand,
  type TextEvaluation,
  type TranslationEvaluation,
  type WordsEvaluationOptions,
} from "./evaluate-words.ts";
export {
  type TextFound,
  TextGenerator,
  type TextPiece,
  type TextSearchOptions,
  type WritingModel,
} from "./generate.ts";
export { type ClassMetrics, classMetrics, confusionMatrix, meanOver, wilsonInterval } from "./metrics.ts";
export {
  type Alignment,
  type TranslateOptions,
  type TranslatingModel,
  type Translation,
  Translator,
} from "./translate.ts";
export { type GoldenFile, parseGolden, type Tolerance, type VerifyRow, verifyGolden } from "./verify.ts";
