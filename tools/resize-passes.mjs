/** Compiles src/data/resize-passes.wat into src/data/resize-passes-code.ts: `node tools/resize-passes.mjs`. `tests/data/resize-passes.test.ts` sees that it was done. */

import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const features = { simd: true };
const source = "src/data/resize-passes.wat";
const module = (await wabt()).parseWat(source, readFileSync(source, "utf8"), features);
module.validate();
const code = Buffer.from(module.toBinary({}).buffer).toString("base64");
writeFileSync(
  "src/data/resize-passes-code.ts",
  `/** The bytes of resize-passes.wat, in base64. Written by tools/resize-passes.mjs. */\nexport const passesCode =\n  "${code}";\n`,
);
