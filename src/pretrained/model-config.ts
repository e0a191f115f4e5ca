/** What `config.json` says of a model, whoever wrote it. */

import type { ViTOptions } from "../models/vit-config.ts";
import type { JsonObject } from "../models/vit-config-timm.ts";

/** A model's configuration as its file gives it. */
export interface ModelConfig {
  /** timm's name of the architecture that it is a variant of. */
  readonly architecture: string;
  readonly options: ViTOptions;
  /** Names of the labels, by index; undefined where the file names none. */
  readonly labels: readonly string[] | undefined;
  /** timm's preprocessing, where it stands in the same file. */
  readonly pretrainedConfig: JsonObject | undefined;
}
