/** Images as patches. */

import { VitrineError } from "../errors.ts";
import { shapeText } from "../graph/dim.ts";
import { currentPath, dims, pad, rearrange, type Tensor } from "../tensor/index.ts";
import { Conv2d } from "./conv.ts";
import type { LinearInit } from "./linear.ts";
import { Module } from "./module.ts";
import type { TokenNorm, TokenNormMaker } from "./norm.ts";
import type { GridSize } from "./positions.ts";

/** How an image is cut. */
export interface PatchEmbedOptions {
  /** Pixels [high, wide] of the images the model is made for. */
  readonly imageSize: GridSize;
  /** Pixels [high, wide] of one patch. */
  readonly patchSize: GridSize;
  readonly channels: number;
  /** Numbers per token. */
  readonly width: number;
  /** With a bias; true without it. */
  readonly bias?: boolean;
  /** A normalisation of the tokens. */
  readonly norm?: TokenNormMaker | undefined;
  /** What to do with images of another size: refuse them, take them where patches fit, or pad them on the right and below with zeros. */
  readonly otherSizes?: "refuse" | "fit" | "pad";
  readonly init?: LinearInit | undefined;
}

/** Cuts an image into patches and maps each to a token. */
export class PatchEmbed extends Module {
  readonly proj: Conv2d;
  readonly norm: TokenNorm | undefined;
  /** Patches [high, wide] of an image of the size the model is made for; a rest at the right and below is left out. */
  readonly grid: GridSize;
  readonly #options: PatchEmbedOptions;

  constructor(options: PatchEmbedOptions) {
    super();
    const { imageSize, patchSize, channels, width, bias = true, init } = options;
    this.proj = new Conv2d(channels, width, patchSize, { stride: patchSize, bias, init });
    this.norm = options.norm?.(width);
    this.grid = [Math.floor(imageSize[0] / patchSize[0]), Math.floor(imageSize[1] / patchSize[1])];
    this.#options = options;
  }

  /**
   * [b, c, H, W] → [b, h, w, d].
   * @throws {VitrineError} SHAPE_MISMATCH for an image of a size that these patches cannot take.
   */
  forward(images: Tensor): Tensor {
    const z = this.proj.forward(this.#fitted(images)); // [b, d, h, w]
    const grid = rearrange(z, "b d h w -> b h w d"); //   [b, h, w, d]
    return this.norm ? this.norm.forward(grid) : grid;
  }

  #fitted(images: Tensor): Tensor {
    const { imageSize, patchSize, otherSizes = "refuse" } = this.#options;
    const { H, W } = dims(images, "b c H W");
    if (H === imageSize[0] && W === imageSize[1]) return images;
    const fail = (rule: string, next?: string): never => {
      const evidence = `got ${shapeText(images.shape)}`;
      throw new VitrineError("SHAPE_MISMATCH", { rule: `patches: ${rule}`, evidence, place: currentPath(), next });
    };
    if (typeof H !== "number" || typeof W !== "number") return fail("height and width must be numbers");
    if (otherSizes === "refuse")
      return fail(
        `images must be ${imageSize.join(" × ")} pixels`,
        "resize them, or let the model resize its positions",
      );
    const [below, right] = [
      ((-H % patchSize[0]) + patchSize[0]) % patchSize[0],
      ((-W % patchSize[1]) + patchSize[1]) % patchSize[1],
    ];
    if (below === 0 && right === 0) return images;
    if (otherSizes === "fit") return fail(`patches of ${patchSize.join(" × ")} pixels must fit the image`);
    return pad(
      images,
      [2, 3],
      [
        [0, below],
        [0, right],
      ],
    );
  }
}
