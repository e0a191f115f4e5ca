/** Cases of Swin Transformers of both versions, in the forms of timm, transformers and torchvision. */

import { VitrineError } from "../../errors.ts";
import type { Family } from "../../models/family.ts";
import { type SwinConfig, type SwinOptions, stageMap, swinConfig } from "../../models/swin/config.ts";
import { swinOptions } from "../../models/swin/config-files.ts";
import { swinFamily, swinV2Family } from "../../models/swin/family.ts";
import { Swin } from "../../models/swin/swin.ts";
import { SwinV2 } from "../../models/swin/swin-v2.ts";
import { windowsAt } from "../../models/swin/windows.ts";
import type { GridSize } from "../../nn/positions.ts";
import { detectNaming } from "../../weights/rules.ts";
import { memorySource } from "../../weights/source.ts";
import { type GoldenModel, imageInput, type NamedValue, unknownReference } from "./adapter.ts";
import { asConfigFile } from "./counterparts.ts";
import type { GoldenFile } from "./golden-file.ts";

/** @throws {VitrineError} as `Adapter`. */
export function swinAdapter(golden: GoldenFile): GoldenModel {
  const image = imageInput(golden);
  const second = golden.model === "swinv2";
  const family = second ? swinV2Family : swinFamily;
  const [, , high, wide] = golden.inputs.get(image)!.shape as [number, number, number, number];
  const { config, theirs } = readReference(golden, family, [high, wide]);
  const module = second ? new SwinV2(config) : new Swin(config);
  return {
    module,
    rules: detectNaming(memorySource([...golden.params, ...golden.buffers]), family.namings)?.rules ?? [],
    inputs: [image],
    forward: (inputs, mode) => ({ logits: module.forward(inputs[image]!, mode) }),
    valueNamed: (name) => arranged(theirs(name), config, [high, wide]),
  };
}

/** Our tap of a name, and whether the reference keeps its maps as rows of tokens. */
interface Meaning {
  readonly tap: string;
  readonly flat: boolean;
}

function readReference(
  golden: GoldenFile,
  family: Family<SwinConfig, SwinOptions>,
  image: GridSize,
): { readonly config: SwinConfig; readonly theirs: (name: string) => Meaning } {
  const [packageName, , className = ""] = golden.reference.split(" ");
  if (packageName === "timm") {
    const theirs = (name: string): Meaning => ({ tap: name, flat: false });
    if (family.models.has(className)) {
      const json = { architecture: className, model_args: golden.config };
      return { config: family.configFromTimm(json, golden.case), theirs };
    }
    if (/^SwinTransformer(V2)?$/.test(className)) return { config: swinConfig(swinOptions(golden.config)), theirs };
  }
  if (packageName === "transformers") {
    const json = asConfigFile(golden.config, className);
    const { config } = family.configFromHuggingFace(json, golden.case);
    return { config, theirs: (name) => huggingFaceValue(name, config) };
  }
  if (packageName === "torchvision" && className === "SwinTransformer" && family === swinFamily)
    return { config: torchvisionConfig(golden, image), theirs: torchvisionValue };
  throw unknownReference(golden, "timm, transformers and torchvision (version 1)");
}

/** @source transformers, models/swin/modeling_swin.py: patches are merged where a stage ends */
function huggingFaceValue(name: string, { depths }: SwinConfig): Meaning {
  const plain = name.replace(/^swin(v2)?\./, "");
  const [, stage, rest = ""] = /^encoder\.layers\.(\d+)(\..*)?$/.exec(plain) ?? [];
  if (stage !== undefined) {
    const i = Number(stage);
    const last = depths[i]! - 1;
    const inside = rest
      .replace(/^\.last_block/, `.blocks.${last}`)
      .replace(/\.attention\.(self\.)?probs$/, ".attn.probs");
    if (inside === "" && i + 1 < depths.length) return { tap: `layers.${i + 1}.downsample`, flat: true };
    return { tap: `layers.${i}${inside}`, flat: true };
  }
  const others: Readonly<Record<string, string>> = {
    embeddings: "tokens",
    layernorm: "norm",
    last_hidden_state: "norm",
    pooler: "pooled",
    pooler_output: "pooled",
  };
  return { tap: others[plain] ?? plain, flat: true };
}

/** torchvision has no image size of its own; windows that are larger than a map it fills with zeros, which nothing here does. */
function torchvisionConfig({ config, case: place }: GoldenFile, imageSize: GridSize): SwinConfig {
  const { patch_size, window_size, dropout, attention_dropout, stochastic_depth_prob, ...rest } = config;
  const args = {
    ...{ ...rest, img_size: imageSize, patch_size: patch_size!, window_size: window_size! },
    ...{ proj_drop_rate: dropout ?? 0, attn_drop_rate: attention_dropout ?? 0 },
    drop_path_rate: stochastic_depth_prob ?? 0,
  };
  const theirs = swinConfig({ ...swinOptions(args), padFirst: true });
  const smaller = theirs.windows.findIndex((window, i) =>
    stageMap(theirs, i).some((side, axis) => side < window[axis]!),
  );
  if (smaller < 0) return theirs;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "torchvision's Swin can be verified where maps hold windows",
    evidence: `stage ${smaller} has ${stageMap(theirs, smaller).join(" × ")} tokens`,
    place,
  });
}

/** @source torchvision/models/swin_transformer.py: stages and merged patches in turn */
function torchvisionValue(name: string): Meaning {
  const [, index, block] = /^features\.(\d+)(?:\.(\d+))?$/.exec(name) ?? [];
  if (index === undefined) return { tap: name, flat: false };
  if (index === "0") return { tap: "patch_embed", flat: false };
  const stage = Math.floor(Number(index) / 2);
  if (Number(index) % 2 === 0) return { tap: `layers.${stage}.downsample`, flat: false };
  return { tap: block === undefined ? `layers.${stage}` : `layers.${stage}.blocks.${block}`, flat: false };
}

/** Weights of shifted windows lie with the heads here, and with the images in the references. */
function arranged({ tap, flat }: Meaning, config: SwinConfig, image: GridSize): NamedValue {
  const [, stage, block] = /^layers\.(\d+)\.blocks\.(\d+)\.attn\.probs$/.exec(tap) ?? [];
  if (stage !== undefined) {
    const i = Number(stage);
    let map = image.map((side, axis) => Math.ceil(side / config.patchSize[axis]!));
    for (let halved = 0; halved < i; halved++) map = map.map((side) => Math.ceil(side / 2));
    const windows = windowsAt(config, i, Number(block) % 2 === 1, [map[0]!, map[1]!]);
    if (!windows.regions) return { tap };
    return { tap, arrange: { pattern: "b (g a) n m -> (b g) a n m", sizes: { a: config.heads[i]! } } };
  }
  const isMap = /^(patch_embed|tokens|norm|layers\.\d+(\.downsample|\.blocks\.\d+)?)$/.test(tap);
  return flat && isMap ? { tap, arrange: { pattern: "b h w d -> b (h w) d", sizes: {} } } : { tap };
}
