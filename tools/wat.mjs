/** Compiles each `NAME.wat` below `src/` into `NAME-code.ts` beside it: `node tools/wat.mjs`. `tests/wat.test.ts` sees that it was done. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import wabt from "wabt";

const features = { simd: true };
const compiler = await wabt();
for (const name of readdirSync("src", { recursive: true }).filter((file) => file.endsWith(".wat"))) {
  const module = compiler.parseWat(name, readFileSync(join("src", name), "utf8"), features);
  module.validate();
  const code = Buffer.from(module.toBinary({}).buffer).toString("base64");
  const text = `/** The bytes of ${basename(name)}, in base64. Written by tools/wat.mjs. */\nexport const code =\n  "${code}";\n`;
  writeFileSync(join("src", name.replace(/\.wat$/, "-code.ts")), text);
}
