/** Cases of Transformers in Transformers, in timm's forms. */

import { type TNTConfig, tntConfig, tntOptions } from "../../models/tnt/config.ts";
import { tntFamily } from "../../models/tnt/family.ts";
import { TNT } from "../../models/tnt/tnt.ts";
import { detectNaming } from "../../weights/rules.ts";
import { memorySource } from "../../weights/source.ts";
import { type GoldenModel, imageInput, unknownReference } from "./adapter.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function tntAdapter(golden: GoldenFile): GoldenModel {
  const image = imageInput(golden);
  const module = new TNT(configOf(golden));
  return {
    module,
    rules: detectNaming(memorySource(golden.params), tntFamily.namings)?.rules ?? [],
    inputs: [image],
    forward: (inputs, mode) => ({ logits: module.forward(inputs[image]!, mode) }),
    // The reference names both of a block's results; here the block's own name is that of its sentences.
    valueNamed: (name) => ({ tap: name.replace(/\.outer$/, "") }),
  };
}

function configOf(golden: GoldenFile): TNTConfig {
  const [packageName, , className = ""] = golden.reference.split(" ");
  if (packageName === "timm" && tntFamily.models.has(className))
    return tntFamily.configFromTimm({ architecture: className, model_args: golden.config }, golden.case);
  if (packageName === "timm" && className === "TNT") return tntConfig(tntOptions(golden.config));
  throw unknownReference(golden, "timm");
}
