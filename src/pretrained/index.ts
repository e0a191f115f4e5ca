/** A model with its weights, preprocessing and labels. Folders, files and the hub are read by the doors that can (`loadPretrained`). */

export { assemble, assembleNamed, folderPreprocessing, type ModelChanges } from "./assemble.ts";
export { type ConfigFile, huggingFaceConfigFile, readConfigFile, timmConfigFile } from "./config-file.ts";
export { type FillOptions, fillModel, withOwnNames } from "./fill-model.ts";
export { labelsFor } from "./labels.ts";
export { type NewModelOptions, newPretrained } from "./new.ts";
export { defaultPreprocessing, preprocessingForSize } from "./prepare.ts";
export type { Pretrained } from "./pretrained.ts";
