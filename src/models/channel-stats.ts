/** Means and standard deviations of images' channels, of values in [0, 1], that published weights were trained with. */

/** Those of ImageNet's photographs, and one half each. */
export const channelStats: Readonly<
  Record<"imagenet" | "half", { readonly mean: readonly number[]; readonly std: readonly number[] }>
> = {
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  half: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};
