/**
 * The door for Node: what `vitrine/web` has too, and all that needs a disk, a network, threads or native code.
 *
 * The parts of the house that run anywhere have doors of their own: `vitrine/core`, `vitrine/nn`, `vitrine/models`, `vitrine/losses`, `vitrine/optim`,
 * `vitrine/data`, `vitrine/weights`, `vitrine/onnx`, `vitrine/pretrained`, `vitrine/train`, `vitrine/tasks`, `vitrine/explain`, `vitrine/inspect`, `vitrine/report`.
 */

import { useRuntime } from "./compile/index.ts";
import { nodeRuntime } from "./runtime/node.ts";

export * from "./core.ts";
export { type FolderDataset, type FolderOptions, openFolder } from "./data/datasets/folder-node.ts";
export { type DecodeOptions, decodeImage, encodeJpeg, encodePng } from "./data/decode-node.ts";
export { type Loader, type LoaderOptions, openLoader } from "./data/loader-node.ts";
export { type DatasetSplits, datasetByName, datasetNames, type OpenOptions, openDataset } from "./data/open-node.ts";
export { type OpenTextsOptions, openTexts, type Texts } from "./data/text/open-node.ts";
export { openTokenizer } from "./data/text/tokenizer-node.ts";
export {
  type ExplanationFormat,
  explanationFormats,
  type RenderOptions,
  renderExplanation,
} from "./explain/render-node.ts";
export { loadModel as loadOnnx } from "./onnx/load-node.ts";
export { saveModel as saveOnnx } from "./onnx/save-node.ts";
export {
  type LoadAdapterOptions,
  loadAdapter,
  type SaveAdapterOptions,
  saveAdapter,
} from "./pretrained/adapter-node.ts";
export { knownFacts, writeCard } from "./pretrained/card-node.ts";
export { loadLanguage, loadLanguageModel } from "./pretrained/language-node.ts";
export { type LoadOptions, loadPretrained } from "./pretrained/load-node.ts";
export { isMae, type LoadMaeOptions, loadMae, type PretrainedMAE, saveMae } from "./pretrained/mae-node.ts";
export { packagedModels } from "./pretrained/packaged-node.ts";
export { type LanguageFiles, saveLanguage } from "./pretrained/save-language-node.ts";
export { type Layout, type SaveOptions, savePretrained } from "./pretrained/save-node.ts";
export { type ReportOptions, type WrittenReport, writeReport } from "./report/write-node.ts";
export { type NodeDevice, type NodeRuntimeOptions, nodeRuntime } from "./runtime/node.ts";
export { workerRuntime } from "./runtime/worker-node.ts";
export { type DatasetEvaluation, type EvaluateOptions, evaluateDataset } from "./tasks/evaluate-node.ts";
export { loadCheckpoint, saveCheckpoint } from "./train/checkpoint-node.ts";
export { textData, translationData, type WordData } from "./train/language/data.ts";
export { languageModelFor, type ModelChoice } from "./train/language/models.ts";
export { type WordRecipe, wordRecipeFrom, wordRecipes } from "./train/language/recipe.ts";
export { trainWordsInFolder, type WordRunOptions } from "./train/language/run-node.ts";
export {
  learningRateRange,
  type RangeEvent,
  type RangeOptions,
  suggestedRate,
} from "./train/learning-rate-range-node.ts";
export { type RunOptions as TrainOptions, readRun, trainInFolder } from "./train/run-node.ts";
export { downloadModel } from "./weights/hub-node.ts";
export {
  type HubCall,
  type HubOptions,
  type HubProgress,
  hubOptionsFromEnvironment,
} from "./weights/hub-options-node.ts";
export { openWeights } from "./weights/open-node.ts";
export { saveSafetensors } from "./weights/safetensors-node.ts";

useRuntime(nodeRuntime);
