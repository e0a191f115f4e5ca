/** Model inputs as one image, to look at. */

import type { Image } from "../data/image.ts";
import type { Preprocessing } from "../data/preprocess.ts";

/** Normalised images [b, c, H, W]. */
export interface ImageBatch {
  readonly images: Float32Array;
  readonly shape: readonly number[];
}

/**
 * The first images of a batch side by side, as bytes again, one pixel of white between them.
 * @param most images to show; default 16
 */
export function gridOf({ images, shape }: ImageBatch, { mean, std, scale }: Preprocessing, most = 16): Image {
  const [b, channels, high, wide] = shape as [number, 1 | 3, number, number];
  const count = Math.min(b, most);
  const across = Math.ceil(Math.sqrt(count));
  const [width, height] = [across * (wide + 1) - 1, Math.ceil(count / across) * (high + 1) - 1];
  const data = new Uint8Array(width * height * channels).fill(255);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < high; y++)
        for (let x = 0; x < wide; x++) {
          const value = images[((i * channels + c) * high + y) * wide + x]! * std[c]! + mean[c]!;
          const row = Math.floor(i / across) * (high + 1) + y;
          const col = (i % across) * (wide + 1) + x;
          data[(row * width + col) * channels + c] = Math.min(255, Math.max(0, Math.round(value / scale)));
        }
  return { width, height, channels, data };
}
