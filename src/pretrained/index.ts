/** A model with its weights, preprocessing and labels. Folders, files and the hub are read by the doors that can (`loadPretrained`). */

export { type AdapterConfig, adapterConfigFile, adapterTensors, fillAdapter, readAdapterConfig } from "./adapter.ts";
export { assemble, assembleNamed, folderPreprocessing, type ModelChanges } from "./assemble.ts";
export { type CardFacts, cardForLayout, type MeasuredAccuracy, modelCard, type TrainingFacts } from "./card.ts";
export { type ConfigFile, huggingFaceConfigFile, readConfigFile, timmConfigFile } from "./config-file.ts";
export { type FillOptions, fillModel, withOwnNames } from "./fill-model.ts";
export { labelsFor } from "./labels.ts";
export { type LanguageModel, languageModel } from "./language.ts";
export { type NewModelOptions, newPretrained } from "./new.ts";
export { defaultPreprocessing, preprocessingForSize } from "./prepare.ts";
export type { Pretrained } from "./pretrained.ts";
