import fc from "fast-check";
import { expect, test } from "vitest";
import { toCamelCase, toSnakeCase } from "../../src/weights/names.ts";
import { openSafetensors } from "../../src/weights/safetensors-node.ts";
import { hasShared, sharedPath } from "../shared.ts";

test("an underscore and a letter become a capital, an underscore and a digit stay", () => {
  const pairs = [
    ["blocks.0.attn.q_norm.weight", "blocks.0.attn.qNorm.weight"],
    ["encoder.layers.encoder_layer_11.ln_1.bias", "encoder.layers.encoderLayer_11.ln_1.bias"],
    ["weight_ih_l0_reverse", "weightIhL0Reverse"],
    ["self_attn.in_proj_weight", "selfAttn.inProjWeight"],
    ["h.0.attn.c_attn.weight", "h.0.attn.cAttn.weight"],
    ["pos_embed", "posEmbed"],
    ["a__b_", "a_B_"],
    ["_x.y_1z", "X.y_1z"],
  ] as const;
  for (const [snake, camel] of pairs) {
    expect(toCamelCase(snake)).toBe(camel);
    expect(toSnakeCase(camel)).toBe(snake);
  }
});

const name = (characters: string) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 24 });

test("every name without capitals comes back from camelCase", () => {
  fc.assert(
    fc.property(name("abz_019._"), (snake) => toSnakeCase(toCamelCase(snake)) === snake),
    { numRuns: 5000 },
  );
});

test("every name without underscore and small letter comes back from snake_case", () => {
  fc.assert(
    fc.property(
      name("abzABZ_019.").filter((camel) => !/_[a-z]/.test(camel)),
      (camel) => toCamelCase(toSnakeCase(camel)) === camel,
    ),
    { numRuns: 5000 },
  );
});

test("names that would have no way back are refused", () => {
  expect(() => toCamelCase("A_log")).toThrow(/no capitals, got "A_log"/);
  expect(() => toSnakeCase("q_norm")).toThrow(/no _ before a lowercase letter, got "q_norm"/);
});

test.skipIf(!hasShared)("all names of a published checkpoint come back, none twice", async () => {
  const file = await openSafetensors(sharedPath("data/vit-tiny-imagenet/model.safetensors"));
  const names = [...file.names()];
  await file.close();
  expect(names).toHaveLength(152);
  expect(names.map((one) => toSnakeCase(toCamelCase(one)))).toEqual(names);
  expect(new Set(names.map(toCamelCase)).size).toBe(names.length);
});
