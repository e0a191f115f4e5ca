/** Where decoding parts from Pillow on the odd images, and why that stays so. All others give the same bytes, or are refused by both. */

export const differences: Readonly<Record<string, string>> = {
  "pillow__png_decompression_dos.png":
    "The text chunk that Pillow refuses to unpack is never read here; the 1 × 1 picture itself is valid.",
  "pillow__truncated_end_chunk.png":
    "All pixels are present and their checksums hold; only the closing chunk is cut off.",
  "pillow__unknown_compression_method.png":
    "The unknown compression method is that of the colour profile, which is not read here; the pixels are valid.",
  "sharp__grey-plus-alpha.gif": "Transparent pixels of a GIF are black here, the palette's colour in Pillow.",
  "sharp__rotating-squares.gif": "Transparent pixels of a GIF are black here, the palette's colour in Pillow.",
};

/** Files that both decode alike as stored, but turn differently. */
export const orientationDifferences: Readonly<Record<string, string>> = {
  "pillow__xmp_tags_orientation.png": "The orientation stands in XMP only, which Pillow reads and libvips does not.",
};
