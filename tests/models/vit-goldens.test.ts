import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { ViT } from "../../src/models/vit.ts";
import { type JsonObject, timmOptions } from "../../src/models/vit-config-timm.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const cases = [
  "vit-class-token",
  "vit-avg-fc-norm",
  "vit-dynamic-size",
  "vit-layer-scale-class-registers",
  "vit-map-pool",
  "vit-one-channel-small",
  "vit-pre-norm-no-qkv-bias",
  "vit-registers",
  "deit-distilled",
];

test.skipIf(!hasShared).each(cases)("%s: names, logits and every tap equal timm's", async (name) => {
  const golden = readGolden<JsonObject>(name);
  const named = (kind: string): string[] =>
    [...golden.tensors.keys()].filter((key) => key.startsWith(kind)).map((key) => key.slice(kind.length));
  const model = new ViT(timmOptions({ ...golden.config, distilled: name.startsWith("deit") }));
  expect([...model.variables().keys()].sort()).toEqual(named("param.").sort());
  for (const [key, variable] of model.variables()) variable.data = goldenTensor(golden, `param.${key}`);

  const images = goldenTensor(golden, "input.image");
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: ["b", ...images.shape.slice(1)] },
    { runtime: await nodeRuntime(), taps: named("tap.") },
  );
  const { logits, ...taps } = await run.run({ images });
  expectClose(logits!, goldenTensor(golden, "output.logits"), golden.tolerance, "logits");
  for (const [tap, got] of Object.entries(taps))
    expectClose(got, goldenTensor(golden, `tap.${tap}`), golden.tolerance, tap);
});
