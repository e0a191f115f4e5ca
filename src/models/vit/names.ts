/**
 * Every Vision Transformer that timm names, and the convolutional ones: configuration, preprocessing and what was published of them.
 *
 * Names, sizes and preprocessing: timm 1.0.29, timm/models/{vision_transformer,deit,vision_transformer_hybrid}.py, each name's default weights.
 * Multiply-adds: timm's benchmark tables, for the same default weights.
 * A row stands for several names: `{}` in it is the side of the image.
 */

import type { NamedModel, Published } from "../family.ts";
import type { ViTOptions } from "./config.ts";

/** A named Vision Transformer. */
export type NamedViT = NamedModel<ViTOptions>;

const mu = (width: number, depth: number, heads: number, mlpWidth: number = 4 * width): ViTOptions => ({
  width,
  depth,
  heads,
  mlpWidth,
});
const Ti = mu(192, 12, 3);
const S = mu(384, 12, 6);
const M = mu(512, 12, 8);
const betwixt = mu(640, 12, 10);
const B = mu(768, 12, 12);
const plus = mu(896, 12, 14);
const L = mu(1024, 24, 16);
const H = mu(1280, 32, 16);
const g = mu(1408, 40, 16, 6144);
const gOpt = mu(1536, 40, 16);
const G = mu(1664, 48, 16, 8192);
const so400m = mu(1152, 27, 16, 4304);
const so150m = mu(896, 18, 14, 2304);
const so150m2 = mu(832, 21, 13, 2176);

const p8: ViTOptions = { patchSize: 8 };
const p14: ViTOptions = { patchSize: 14 };
const p32: ViTOptions = { patchSize: 32 };
const dinov2: ViTOptions = { patchSize: 14, layerScale: 1e-5 };
const giantDinov2: ViTOptions = { ...mu(1536, 40, 24, 8192), mlp: "swiglu_packed", activation: "silu" };
const registers = (count: number): ViTOptions => ({ registers: count, positions: "patches" });
const noClass: ViTOptions = { classToken: false };
const gap: ViTOptions = { ...noClass, pool: "avg", finalNorm: "tokens" };
const regGap = (count: number): ViTOptions => ({ ...noClass, ...registers(count), pool: "avg", layerScale: 1e-5 });
const clip: ViTOptions = { preNorm: true, eps: 1e-5 };
const quick: ViTOptions = { ...clip, activation: "quick_gelu" };
const map: ViTOptions = { ...noClass, pool: "map" };
const tanhGelu: ViTOptions = { activation: "gelu_tanh" };
const deit3: ViTOptions = { positions: "patches", layerScale: 1e-6 };
const xp: ViTOptions = {
  ...{ preNorm: true, positions: "patches", norm: "rms" },
  ...{ block: "parallel_scaling", qkvBias: false, qkNorm: true },
};
const aim: ViTOptions = {
  ...{ patchSize: 14, qkvBias: false, projBias: false, mlp: "swiglu", activation: "silu" },
  ...{ norm: "rms", eps: 1e-5, embedNormEps: 1e-5 },
};
const beit3: ViTOptions = { attnNorm: true, mlpNorm: true, pool: "avg", eps: 1e-5 };
const resnet = (...depths: readonly number[]): ViTOptions => ({ patchSize: 1, stem: { kind: "resnet", depths } });
const resnetD = (...depths: readonly number[]): ViTOptions => ({ patchSize: 1, stem: { kind: "resnet_d", depths } });
const mobileClip: ViTOptions = {
  patchSize: 1,
  stem: {
    kind: "conv",
    widths: [192, 192, 768],
    kernels: [4, 2, 2],
    strides: [4, 2, 2],
    padding: 0,
    activation: "gelu",
    proj: false,
  },
};

/** 3 × 3 convolutions that halve the image wherever they widen it. @source Xiao et al., arXiv:2106.14881, section 3 */
const early = (...widths: readonly number[]): ViTOptions => ({
  patchSize: 1,
  stem: {
    kind: "conv",
    widths,
    kernels: widths.map(() => 3),
    strides: widths.map((width, i) => (width === widths[i - 1] ? 1 : 2)),
    padding: 1,
    activation: "relu",
    proj: true,
  },
});

/** A side in pixels, or one with what differs at this side: classes, crop, published numbers. */
type Image = number | ({ readonly side: number; readonly labels?: number } & Partial<Recipe> & Published);

/** [name, configuration, sides, preprocessing]. */
type Row = readonly [name: string, options: ViTOptions, images: readonly Image[], recipe: Recipe];

interface Recipe {
  readonly stats: keyof typeof channelStats;
  readonly crop: number;
  readonly squash?: boolean;
  readonly interpolation?: "bilinear";
}

const channelStats = {
  half: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] },
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
} as const;

const half = (crop: number): Recipe => ({ stats: "half", crop });
const imagenet = (crop: number): Recipe => ({ stats: "imagenet", crop });
const openai = (crop: number): Recipe => ({ stats: "clip", crop });
const raw: Recipe = { stats: "none", crop: 1 };
const whole = { crop: 1 };
const squash = { crop: 1, squash: true };

// biome-ignore format: a table, one row per family
const rows: readonly Row[] = [
  // The paper's models, trained as in "How to train your ViT?", arXiv:2106.10270.
  ["vit_tiny_patch16_{}", Ti, [{ side: 224, gmacs: 1.26 }, { side: 384, ...whole, gmacs: 4.7 }], half(0.9)],
  ["vit_small_patch32_{}", { ...S, ...p32 }, [{ side: 224, gmacs: 1.15 }, { side: 384, ...whole, gmacs: 3.45 }], half(0.9)],
  ["vit_small_patch16_{}", S, [{ side: 224, gmacs: 4.61 }, { side: 384, ...whole, gmacs: 15.52 }], half(0.9)],
  ["vit_small_patch8_{}", { ...S, ...p8 }, [{ side: 224, labels: 0, gmacs: 22.44 }], imagenet(0.9)],
  ["vit_base_patch32_{}", { ...B, ...p32 }, [{ side: 224, gmacs: 4.41 }, { side: 384, ...whole, gmacs: 13.06 }], half(0.9)],
  ["vit_base_patch16_{}", B, [{ side: 224, gmacs: 17.58 }, { side: 384, ...whole, gmacs: 55.54 }], half(0.9)],
  ["vit_base_patch8_{}", { ...B, ...p8 }, [{ side: 224, gmacs: 78.22 }], half(0.9)],
  ["vit_large_patch32_{}", { ...L, ...p32 }, [{ side: 224, labels: 0, gmacs: 15.39 }, { side: 384, ...whole, gmacs: 45.31 }], half(0.9)],
  ["vit_large_patch16_{}", L, [{ side: 224, gmacs: 61.6 }, { side: 384, ...whole, gmacs: 191.21 }], half(0.9)],
  ["vit_large_patch14_{}", { ...L, ...p14 }, [{ side: 224, gmacs: 81.08 }], half(0.9)],
  ["vit_huge_patch14_{}", { ...H, ...p14 }, [{ side: 224, labels: 0, gmacs: 167.4 }], half(0.9)],
  ["vit_giant_patch14_{}", { ...g, ...p14 }, [{ side: 224, gmacs: 267.18 }], half(0.9)],
  ["vit_gigantic_patch14_{}", { ...G, ...p14 }, [{ side: 224, gmacs: 483.95 }], half(0.9)],
  ["vit_base_patch16_{}_miil", { ...B, qkvBias: false }, [{ side: 224, labels: 11221, gmacs: 17.59 }], { stats: "none", crop: 0.875, interpolation: "bilinear" }],
  // DeiT, arXiv:2012.12877, and DeiT III, arXiv:2204.07118.
  ["deit_tiny_patch16_{}", Ti, [{ side: 224, gmacs: 1.26 }], imagenet(0.9)],
  ["deit_small_patch16_{}", S, [{ side: 224, gmacs: 4.61 }], imagenet(0.9)],
  ["deit_base_patch16_{}", B, [{ side: 224, gmacs: 17.58 }, { side: 384, ...whole, gmacs: 55.54 }], imagenet(0.9)],
  ["deit_tiny_distilled_patch16_{}", { ...Ti, distilled: true }, [224], imagenet(0.9)],
  ["deit_small_distilled_patch16_{}", { ...S, distilled: true }, [224], imagenet(0.9)],
  ["deit_base_distilled_patch16_{}", { ...B, distilled: true }, [224, { side: 384, ...whole }], imagenet(0.9)],
  ["deit3_small_patch16_{}", { ...S, ...deit3 }, [{ side: 224, gmacs: 4.61 }, { side: 384, ...whole }], imagenet(0.9)],
  ["deit3_medium_patch16_{}", { ...M, ...deit3 }, [{ side: 224, gmacs: 8 }], imagenet(0.9)],
  ["deit3_base_patch16_{}", { ...B, ...deit3 }, [{ side: 224, gmacs: 17.58 }, { side: 384, ...whole }], imagenet(0.9)],
  ["deit3_large_patch16_{}", { ...L, ...deit3 }, [{ side: 224, gmacs: 61.6 }, { side: 384, ...whole }], imagenet(0.9)],
  ["deit3_huge_patch14_{}", { ...H, ...p14, ...deit3 }, [{ side: 224, gmacs: 167.4 }], imagenet(0.9)],
  // The paper's hybrids.
  ["vit_tiny_r_s16_p8_{}", { ...Ti, stem: { kind: "resnet", depths: [] }, ...p8 }, [{ side: 224, gmacs: 0.44 }, { side: 384, ...whole }], half(0.9)],
  ["vit_small_r26_s32_{}", { ...S, ...resnet(2, 2, 2, 2) }, [{ side: 224, gmacs: 3.56 }, { side: 384, ...whole }], half(0.9)],
  ["vit_base_r26_s32_{}", { ...B, ...resnet(2, 2, 2, 2) }, [224], half(0.9)],
  ["vit_base_r50_s16_{}", { ...B, ...resnet(3, 4, 9) }, [{ side: 224, labels: 0, gmacs: 21.66 }, { side: 384, ...whole, gmacs: 67.43 }], half(0.9)],
  ["vit_large_r50_s32_{}", { ...L, ...resnet(3, 4, 6, 3) }, [{ side: 224, gmacs: 19.58 }, { side: 384, ...whole, gmacs: 57.43 }], half(0.9)],
  // Hybrids of timm's own, with a ResNet-D; without published weights.
  ["vit_small_resnet26d_{}", { ...mu(768, 8, 8, 2304), ...resnetD(2, 2, 2, 2) }, [224], imagenet(0.9)],
  ["vit_small_resnet50d_s16_{}", { ...mu(768, 8, 8, 2304), ...resnetD(3, 4, 6) }, [224], imagenet(0.9)],
  ["vit_base_resnet26d_{}", { ...B, ...resnetD(2, 2, 2, 2) }, [224], imagenet(0.9)],
  ["vit_base_resnet50d_{}", { ...B, ...resnetD(3, 4, 6, 3) }, [224], imagenet(0.9)],
  ["vit_base_mci_{}", { ...B, ...mobileClip, positions: "patches" }, [{ side: 224, labels: 512 }], { stats: "none", crop: 0.9 }],
  // "Early Convolutions Help Transformers See Better", arXiv:2106.14881, Table 1 (right). Not in timm; preprocessing of pycls.
  ["vitc_1gf_{}", { ...mu(192, 11, 3, 576), ...early(24, 48, 96, 192) }, [224], { ...imagenet(0.875), interpolation: "bilinear" }],
  ["vitc_4gf_{}", { ...mu(384, 11, 6, 1152), ...early(48, 96, 192, 384) }, [224], { ...imagenet(0.875), interpolation: "bilinear" }],
  ["vitc_18gf_{}", { ...mu(768, 11, 12), ...early(64, 128, 128, 256, 256, 512) }, [224], { ...imagenet(0.875), interpolation: "bilinear" }],
  ["vitc_36gf_{}", { ...mu(1024, 13, 16), ...early(64, 128, 128, 256, 256, 512) }, [224], { ...imagenet(0.875), interpolation: "bilinear" }],
  // Mean pooling without a class token.
  ["vit_medium_patch16_gap_{}", { ...M, ...gap, qkvBias: false, layerScale: 1e-6 }, [{ side: 240, labels: 11821 }, 256, { side: 384, squash: true }], half(0.95)],
  ["vit_betwixt_patch16_gap_{}", { ...betwixt, ...gap, qkvBias: false, layerScale: 1e-6 }, [256], half(0.95)],
  ["vit_base_patch16_gap_{}", { ...B, ...gap, heads: 16 }, [224], half(0.9)],
  ["vit_huge_patch14_gap_{}", { ...H, ...p14, ...gap }, [{ side: 224, labels: 0 }], imagenet(0.9)],
  ["vit_huge_patch16_gap_{}", { ...H, ...gap }, [{ side: 448, labels: 0 }], imagenet(1)],
  ["vit_giant_patch16_gap_{}", { ...g, ...gap }, [{ side: 224, labels: 0 }], imagenet(0.9)],
  // Image towers of CLIP, arXiv:2103.00020, and of its successors.
  ["vit_xsmall_patch16_clip_{}", { ...mu(256, 10, 4), ...clip }, [{ side: 224, labels: 512 }], openai(0.9)],
  ["vit_medium_patch32_clip_{}", { ...M, ...p32, ...clip }, [{ side: 224, labels: 512 }], openai(0.9)],
  ["vit_medium_patch16_clip_{}", { ...M, ...clip }, [{ side: 224, labels: 512 }], openai(0.9)],
  ["vit_betwixt_patch32_clip_{}", { ...betwixt, ...p32, ...clip }, [{ side: 224, labels: 512 }], openai(0.9)],
  ["vit_base_patch32_clip_{}", { ...B, ...p32, ...clip }, [{ side: 224, crop: 0.9 }, { side: 256, labels: 512 }, 384, 448], openai(1)],
  ["vit_base_patch16_clip_{}", { ...B, ...clip }, [224, { side: 384, ...squash }], openai(0.95)],
  ["vit_base_patch16_plus_clip_{}", { ...plus, ...clip }, [{ side: 240, labels: 640 }], openai(1)],
  ["vit_large_patch14_clip_{}", { ...L, ...p14, ...clip }, [224, { side: 336, ...squash }], half(1)],
  ["vit_huge_patch14_clip_{}", { ...H, ...p14, ...clip }, [224, { side: 336, ...squash }, { side: 378, labels: 1024 }], openai(1)],
  ["vit_giant_patch14_clip_{}", { ...g, ...p14, ...clip }, [{ side: 224, labels: 1024 }], openai(1)],
  ["vit_gigantic_patch14_clip_{}", { ...G, ...p14, ...clip }, [{ side: 224, labels: 1280 }, { side: 378, labels: 1280, ...squash }], openai(1)],
  ["vit_base_patch32_clip_quickgelu_{}", { ...B, ...p32, ...quick }, [{ side: 224, labels: 512 }], openai(0.9)],
  ["vit_base_patch16_clip_quickgelu_{}", { ...B, ...quick }, [{ side: 224, labels: 512 }], openai(1)],
  ["vit_large_patch14_clip_quickgelu_{}", { ...L, ...p14, ...quick }, [{ side: 224, labels: 768 }, { side: 336, labels: 768 }], openai(1)],
  ["vit_huge_patch14_clip_quickgelu_{}", { ...H, ...p14, ...quick }, [{ side: 224, labels: 1024 }, { side: 378, labels: 1024 }], openai(1)],
  ["vit_gigantic_patch14_clip_quickgelu_{}", { ...G, ...p14, ...quick }, [{ side: 224, labels: 1280 }], openai(1)],
  ["eva_large_patch14_{}", { ...L, ...p14, pool: "avg" }, [196, { side: 336, ...squash }], openai(1)],
  // Layer scale, other blocks.
  ["vit_base_patch32_plus_{}", { ...plus, ...p32, layerScale: 1e-5 }, [256], half(0.95)],
  ["vit_base_patch16_plus_{}", { ...plus, layerScale: 1e-5 }, [240], half(0.95)],
  ["vit_base_patch16_rpn_{}", { ...B, ...noClass, qkvBias: false, layerScale: 1e-5, block: "post_norm", pool: "avg" }, [224], half(0.9)],
  ["vit_small_patch16_36x1_{}", { ...S, depth: 36, layerScale: 1e-5 }, [224], half(0.9)],
  ["vit_small_patch16_18x2_{}", { ...S, depth: 18, layerScale: 1e-5, block: "parallel_things" }, [224], half(0.9)],
  ["vit_base_patch16_18x2_{}", { ...B, depth: 18, layerScale: 1e-5, block: "parallel_things" }, [224], half(0.9)],
  ["flexivit_small", { ...S, positions: "patches" }, [240], half(0.95)],
  ["flexivit_base", { ...B, positions: "patches" }, [240], half(0.95)],
  ["flexivit_large", { ...L, positions: "patches" }, [240], half(0.95)],
  ["vit_base_patch16_xp_{}", { ...B, ...xp }, [224], half(0.9)],
  ["vit_large_patch14_xp_{}", { ...L, ...p14, ...xp }, [224], half(0.9)],
  ["vit_huge_patch14_xp_{}", { ...H, ...p14, ...xp }, [224], half(0.9)],
  // DINOv2, arXiv:2304.07193, with registers 2309.16588, and TIPS v2.
  ["vit_small_patch14_dinov2", { ...S, ...dinov2 }, [{ side: 518, labels: 0, gmacs: 46.8 }], imagenet(1)],
  ["vit_base_patch14_dinov2", { ...B, ...dinov2 }, [{ side: 518, labels: 0, gmacs: 151.7 }], imagenet(1)],
  ["vit_large_patch14_dinov2", { ...L, ...dinov2 }, [{ side: 518, labels: 0, gmacs: 507.2 }], imagenet(1)],
  ["vit_giant_patch14_dinov2", { ...giantDinov2, ...dinov2 }, [{ side: 518, labels: 0, gmacs: 1784 }], imagenet(1)],
  ["vit_small_patch14_reg4_dinov2", { ...S, ...dinov2, ...registers(4) }, [{ side: 518, labels: 0 }], imagenet(1)],
  ["vit_base_patch14_reg4_dinov2", { ...B, ...dinov2, ...registers(4) }, [{ side: 518, labels: 0 }], imagenet(1)],
  ["vit_large_patch14_reg4_dinov2", { ...L, ...dinov2, ...registers(4) }, [{ side: 518, labels: 0 }], imagenet(1)],
  ["vit_giant_patch14_reg4_dinov2", { ...giantDinov2, ...dinov2, ...registers(4) }, [{ side: 518, labels: 0 }], imagenet(1)],
  ["vit_base_patch14_reg1_tipsv2", { ...B, ...p14, ...registers(1), layerScale: 1 }, [{ side: 448, labels: 0 }], raw],
  ["vit_large_patch14_reg1_tipsv2", { ...L, ...p14, ...registers(1), layerScale: 1 }, [{ side: 448, labels: 0 }], raw],
  ["vit_so400m_patch14_reg1_tipsv2", { ...so400m, ...p14, ...registers(1), layerScale: 1 }, [{ side: 448, labels: 0 }], raw],
  ["vit_giant_patch14_reg1_tipsv2", { ...giantDinov2, ...p14, ...registers(1), layerScale: 1 }, [{ side: 448, labels: 0 }], raw],
  // SigLIP, arXiv:2303.15343: pooling by attention, and the same weights with mean pooling.
  ["vit_base_patch32_siglip_{}", { ...B, ...p32, ...map, ...tanhGelu }, [{ side: 256, labels: 0 }], half(0.9)],
  ["vit_base_patch16_siglip_{}", { ...B, ...map, labels: 0 }, [{ side: 224, gmacs: 17.73 }, 256, 384, 512], half(0.9)],
  ["vit_large_patch16_siglip_{}", { ...L, ...map, labels: 0 }, [256, 384], half(0.9)],
  ["vit_large_patch16_siglip_{}", { ...L, ...map, ...tanhGelu, labels: 0 }, [512], half(0.9)],
  ["vit_so400m_patch14_siglip_{}", { ...so400m, ...p14, ...map, labels: 0 }, [224, 378, 384], half(0.9)],
  ["vit_so400m_patch16_siglip_{}", { ...so400m, ...map, ...tanhGelu, labels: 0 }, [256, 384, 512], half(0.9)],
  ["vit_giantopt_patch16_siglip_{}", { ...gOpt, ...map, ...tanhGelu, labels: 0 }, [256, 384], half(0.9)],
  ["vit_base_patch32_siglip_gap_{}", { ...B, ...p32, ...gap, ...tanhGelu, labels: 0 }, [256], half(0.9)],
  ["vit_base_patch16_siglip_gap_{}", { ...B, ...gap, labels: 0 }, [224, 256, 384, 512], half(0.9)],
  ["vit_large_patch16_siglip_gap_{}", { ...L, ...gap, labels: 0 }, [256, 384], half(0.9)],
  ["vit_large_patch16_siglip_gap_{}", { ...L, ...gap, ...tanhGelu, labels: 0 }, [512], half(0.9)],
  ["vit_so400m_patch14_siglip_gap_{}", { ...so400m, ...p14, ...gap, labels: 0 }, [224, 378, { side: 384, ...whole }, { side: 448, ...whole }, { side: 896, ...whole }], half(0.9)],
  ["vit_so400m_patch16_siglip_gap_{}", { ...so400m, ...gap, ...tanhGelu, labels: 0 }, [256, 384, 512], half(0.9)],
  ["vit_giantopt_patch16_siglip_gap_{}", { ...gOpt, ...gap, ...tanhGelu, labels: 0 }, [256, 384], half(0.9)],
  // timm's own: registers, mean pooling, layer scale.
  ["vit_wee_patch16_reg1_gap_{}", { ...mu(256, 14, 4, 1280), ...regGap(1) }, [{ side: 256, gmacs: 3.83 }], half(0.95)],
  ["vit_dwee_patch16_reg1_gap_{}", { ...mu(256, 14, 4, 1280), ...regGap(1), attention: "differential" }, [256], half(0.95)],
  ["vit_pwee_patch16_reg1_gap_{}", { ...mu(256, 16, 4, 1280), ...regGap(1), block: "parallel_scaling" }, [256], half(0.95)],
  ["vit_dpwee_patch16_reg1_gap_{}", { ...mu(256, 16, 4, 1280), ...regGap(1), block: "parallel_scaling", attention: "differential" }, [256], half(0.95)],
  ["vit_little_patch16_reg1_gap_{}", { ...mu(320, 14, 5, 1792), ...regGap(1) }, [256], half(0.95)],
  ["vit_dlittle_patch16_reg1_gap_{}", { ...mu(320, 14, 5, 1792), ...regGap(1), attention: "differential" }, [256], half(0.95)],
  ["vit_little_patch16_reg4_gap_{}", { ...mu(320, 14, 5, 1792), ...regGap(4) }, [{ side: 256, gmacs: 6.35 }], half(0.95)],
  ["vit_medium_patch16_reg1_gap_{}", { ...M, ...regGap(1) }, [256], half(0.95)],
  ["vit_medium_patch16_reg4_gap_{}", { ...M, ...regGap(4) }, [{ side: 256, gmacs: 10.76 }], half(0.95)],
  ["vit_mediumd_patch16_reg4_gap_{}", { ...M, ...regGap(4), depth: 20 }, [256, { side: 384, ...whole }], half(0.95)],
  ["vit_betwixt_patch16_reg1_gap_{}", { ...betwixt, ...regGap(1) }, [256], half(0.95)],
  ["vit_betwixt_patch16_reg4_gap_{}", { ...betwixt, ...regGap(4) }, [{ side: 256, gmacs: 16.52 }, { side: 384, ...whole }], half(0.95)],
  ["vit_base_patch16_reg4_gap_{}", { ...B, ...noClass, ...registers(4), pool: "avg" }, [256], half(0.9)],
  ["vit_so150m_patch16_reg4_map_{}", { ...so150m, ...map, registers: 4 }, [256], half(0.9)],
  ["vit_so150m_patch16_reg4_gap_{}", { ...so150m, ...gap, registers: 4 }, [256, { side: 384, ...whole }], half(0.95)],
  ["vit_so150m2_patch16_reg1_gap_{}", { ...so150m2, ...noClass, registers: 1, pool: "avg", layerScale: 1e-5, qkvBias: false }, [256, 384, { side: 448, squash: true }], half(1)],
  ["vit_intern300m_patch14_{}", { ...L, ...p14, layerScale: 0.1, finalNorm: "none", resizePositions: "timm" }, [{ side: 448, labels: 0 }], imagenet(1)],
  // AIMv2, arXiv:2411.14402, and BEiT-3, arXiv:2208.10442.
  ["aimv2_large_patch14_{}", { ...mu(1024, 24, 8, 2816), ...gap, ...aim, labels: 0 }, [224, 336, 448], openai(1)],
  ["aimv2_huge_patch14_{}", { ...mu(1536, 24, 12, 4096), ...gap, ...aim, labels: 0 }, [224, 336, 448], openai(1)],
  ["aimv2_1b_patch14_{}", { ...mu(2048, 24, 16, 5632), ...gap, ...aim, labels: 0 }, [224, 336, 448], openai(1)],
  ["aimv2_3b_patch14_{}", { ...mu(3072, 24, 24, 8192), ...gap, ...aim, labels: 0 }, [224, 336, 448], openai(1)],
  ["beit3_base_patch16_{}", { ...B, ...beit3 }, [224], imagenet(1)],
  ["beit3_large_patch16_{}", { ...L, ...beit3 }, [224], imagenet(1)],
  ["beit3_giant_patch14_{}", { ...g, ...p14, ...beit3 }, [224, 336], imagenet(1)],
  // Very small ones with real weights, for tests.
  ["test_vit", { ...mu(64, 6, 2, 192), resizePositions: "timm" }, [{ side: 160, gmacs: 0.04 }], half(0.95)],
  ["test_vit2", { ...mu(64, 8, 2, 192), ...noClass, registers: 1, pool: "avg", layerScale: 1e-5, resizePositions: "timm" }, [160], half(0.95)],
  ["test_vit3", { ...mu(96, 9, 3, 192), ...map, registers: 1, poolPrefix: true, layerScale: 1e-5 }, [160], half(0.95)],
  ["test_vit4", { ...mu(96, 9, 3, 288), ...noClass, registers: 1, pool: "avg", layerScale: 1e-5, norm: "rms", resizePositions: "timm" }, [160], half(0.95)],
];

/** All named Vision Transformers, by name. */
export const namedViTs: ReadonlyMap<string, NamedViT> = new Map(
  rows.flatMap((row) => row[2].map((image) => named(row, image))).map((entry) => [entry.name, entry]),
);

function named([pattern, options, , recipe]: Row, image: Image): NamedViT {
  const own = typeof image === "number" ? { side: image } : image;
  const { side, labels, gmacs, ...changes } = own;
  const { stats, crop, squash = false, interpolation = "bicubic" } = { ...recipe, ...changes };
  const name = pattern.replace("{}", String(side));
  return {
    name,
    options: { ...options, imageSize: side, ...(labels === undefined ? {} : { labels }) },
    preprocessing: {
      input_size: [3, side, side],
      interpolation,
      crop_pct: crop,
      crop_mode: squash ? "squash" : "center",
      ...channelStats[stats],
    },
    published: gmacs === undefined ? {} : { gmacs },
  };
}
