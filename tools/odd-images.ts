/**
 * Writes docs/odd-images.md: what the decoder makes of each file in a folder of odd images, beside Pillow.
 *
 * Usage: npx esbuild tools/odd-images.ts --bundle --platform=node --format=esm --packages=external --outfile=node_modules/.cache/odd-images.mjs
 *        && node node_modules/.cache/odd-images.mjs FOLDER
 */

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { decodeImage } from "../src/data/decode-node.ts";
import { VitrineError } from "../src/errors.ts";
import { differences, orientationDifferences } from "../tests/data/odd-images-differences.ts";

interface Golden {
  pillow: string;
  files: Record<string, { error?: string; mode?: string; width?: number; height?: number; sha256?: string }>;
}

const folder = process.argv[2]!;
const { pillow, files } = JSON.parse(await readFile("tests/data/golden/odd-images.json", "utf8")) as Golden;

const rows: string[] = [];
const counts = { same: 0, refused: 0, different: 0 };
for (const [name, want] of Object.entries(files)) {
  let ours: string;
  let outcome: keyof typeof counts;
  try {
    const { width, height, data } = await decodeImage(`${folder}/${name}`, { orientation: "ignore" });
    const same = createHash("sha256").update(data).digest("hex") === want.sha256;
    outcome = same ? "same" : "different";
    ours = same ? "same bytes" : `${width} × ${height}`;
  } catch (error) {
    if (!(error instanceof VitrineError)) throw error;
    outcome = want.error === undefined ? "different" : "refused";
    ours = `refused: ${error.fields.evidence}`;
  }
  counts[outcome]++;
  const theirs = want.error === undefined ? `${want.mode}, ${want.width} × ${want.height}` : `refused: ${want.error}`;
  rows.push(`| \`${name}\` | ${theirs} | ${outcome === "different" ? `**${ours}**` : ours} |`);
}

const listed = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, reason]) => `| \`${name}\` | ${reason} |`)
    .join("\n");

await writeFile(
  "docs/odd-images.md",
  `# Odd images

What \`decodeImage\` makes of ${rows.length} odd, broken and hostile image files, beside \`Image.open(file).convert("RGB")\` of Pillow ${pillow}.
Written by \`tools/odd-images.ts\` from real runs; \`tests/data/odd-images.test.ts\` holds it to this.

As stored (\`orientation: "ignore"\`): ${counts.same} files give the same bytes, ${counts.refused} are refused by both, ${counts.different} differ.

## Deliberate differences

| file | why |
|---|---|
${listed(differences)}

Turned upright (\`orientation: "exif"\`, the default), compared with \`ImageOps.exif_transpose\`:

| file | why |
|---|---|
${listed(orientationDifferences)}

Elsewhere: all 106 ImageNet photographs (JPEG) and all WebP files tried give Pillow's bytes. Six photographs written as AVIF by Pillow (quality 75) differ from it
by 0.4 to 1.4 grey levels on average and 63 at most, since libheif enlarges halved colour planes by another rule.

Beyond these files: SVG, PDF, HEIC, PSD and all other formats are refused by their first bytes, images above 50 million pixels (Pillow: 179 million) and files
above 64 MiB by their size. 16-bit grey images are clipped to 255, not scaled, as in Pillow. Colour profiles are ignored, as in Pillow.

## All files

| file | Pillow | vitrine |
|---|---|---|
${rows.join("\n")}
`,
);
console.log(counts);
