import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { compareRow } from "../../src/tasks/verify/compare.ts";
import { type GoldenFile, parseGolden, verifyGolden } from "../../src/tasks/verify.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { hasShared, sharedPath } from "../shared.ts";

const runtime = await nodeRuntime({ threads: 1 });

const committed = fileURLToPath(new URL("golden", import.meta.url));
const read = (path: string): GoldenFile => parseGolden(readFileSync(path), path);
const ownCases = existsSync(committed) ? readdirSync(committed).filter((name) => name.endsWith(".safetensors")) : [];
const sharedCases = hasShared
  ? readdirSync(sharedPath("goldens")).filter((name) =>
      /^(vit|deit|attention|rnn|seq2seq|transformer|gpt2)-/.test(name),
    )
  : ["the shared golden files are absent"];

async function expectAllEqual(golden: GoldenFile): Promise<void> {
  const rows = await verifyGolden(golden, runtime);
  const { outputs, taps, grads, inputGrads } = golden;
  const expected = outputs.size + taps.size + grads.size + inputGrads.size + (golden.lossValue ? 1 : 0);
  expect(rows.length).toBe(expected);
  expect(rows.filter(({ ok }) => !ok).map(({ name, excess, problem }) => ({ name, excess, problem }))).toEqual([]);
}

test.each(ownCases)("values, taps and gradients of %s equal the reference's", async (name) => {
  await expectAllEqual(read(`${committed}/${name}`));
});

test.skipIf(!hasShared).each(sharedCases)("values, taps and gradients of %s equal the reference's", async (name) => {
  await expectAllEqual(read(sharedPath("goldens", name)));
});

/** A committed case, changed. */
function altered(change: (golden: GoldenFile) => Partial<GoldenFile>): GoldenFile {
  const golden = read(`${committed}/vit-qk-norm-registers.safetensors`);
  return { ...golden, ...change(golden) };
}

const failures = async (golden: GoldenFile) => (await verifyGolden(golden, runtime)).filter(({ ok }) => !ok);

test("a number that is off fails its own row and no other", async () => {
  const golden = altered(({ grads }) => {
    const want = grads.get("norm.weight")!;
    const data = Float32Array.from(want.data as Float32Array);
    data[3]! += 3e-5;
    return { grads: new Map([...grads, ["norm.weight", { ...want, data }]]) };
  });
  const failed = await failures(golden);
  expect(failed.map(({ name }) => name)).toEqual(["grad.norm.weight"]);
  expect(failed[0]!.maxAbs).toBeCloseTo(3e-5, 6);
  expect(failed[0]!.excess).toBeGreaterThan(1);
});

test("values, outputs and gradients that we do not have fail, and so do tensors without a role", async () => {
  const one = { dtype: "float32", shape: [1], data: Float32Array.of(1) } as const;
  const failed = await failures(
    altered(({ taps, outputs, grads, inputGrads }) => ({
      taps: new Map([...taps, ["blocks.9", one]]),
      outputs: new Map([...outputs, ["masks", one]]),
      grads: new Map([...grads, ["blocks.9.norm1.weight", one]]),
      inputGrads: new Map([...inputGrads, ["mask", one]]),
      strangers: ["extra"],
    })),
  );
  const names = ["extra", "grad.blocks.9.norm1.weight", "grad.input.mask", "output.masks", "tap.blocks.9"];
  expect(failed.map(({ name }) => name).sort()).toEqual(names);
});

test("NaN, another shape and whole numbers that differ by one fail", () => {
  const subject = { name: "x", kind: "output", tolerance: { rtol: 1, atol: 1 } } as const;
  const floats = (...data: number[]) =>
    ({ dtype: "float32", shape: [data.length], data: Float32Array.from(data) }) as const;
  const ids = (...data: bigint[]) =>
    ({ dtype: "int64", shape: [data.length], data: BigInt64Array.from(data) }) as const;
  expect(compareRow(subject, floats(1, Number.NaN), floats(1, 2)).ok).toBe(false);
  expect(compareRow(subject, floats(1), floats(1, 2)).problem).toBe("shape is [1]");
  expect(compareRow(subject, ids(3n, 4n), ids(3n, 5n)).ok).toBe(false);
  expect(compareRow(subject, ids(3n, 5n), ids(3n, 5n)).ok).toBe(true);
  expect(compareRow(subject, floats(-Infinity, 2), floats(-Infinity, 2.5))).toMatchObject({
    ok: true,
    maxAbs: 0.5,
    maxRel: 0.2,
  });
});

test("the sum of outputs times cotangents is differentiated too", async () => {
  const golden = altered(({ outputs, params }) => {
    const logits = outputs.get("logits")!;
    const [b, k] = logits.shape as [number, number];
    const ones = { ...logits, data: new Float32Array(b * k).fill(1) };
    // Of a sum of all logits, the gradient of the head's bias is the number of pictures.
    const bias = { ...params.get("head.bias")!, data: new Float32Array(k).fill(b) };
    const total = (logits.data as Float32Array).reduce((sum, x) => sum + x, 0);
    return {
      loss: "sum over outputs of <output, cotangent>",
      lossValue: { dtype: "float32", shape: [], data: Float32Array.of(total) },
      cotangents: new Map([["logits", ones]]),
      grads: new Map([["head.bias", bias]]),
      inputGrads: new Map(),
    };
  });
  expect(await failures(golden)).toEqual([]);
});

test("families, references and losses that are not there are named", async () => {
  const refused = (change: Partial<GoldenFile>) =>
    verifyGolden(
      altered(() => change),
      runtime,
    );
  await expect(refused({ model: "parrot" })).rejects.toThrow(
    /of these families: .*vit.*, got "parrot" in vit-qk-norm-registers/,
  );
  await expect(refused({ reference: "timm 1.0.29 Eva" })).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await expect(refused({ reference: "keras 3 ViT" })).rejects.toThrow('got "keras 3 ViT"');
  await expect(refused({ loss: "half the squares" })).rejects.toThrow('got "half the squares"');
  await expect(refused({ config: { num_classes: 5 } })).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
});

test("arguments and inputs that would change the reference's numbers unseen are refused by name", async () => {
  const one = { dtype: "int64", shape: [1], data: BigInt64Array.of(1n) } as const;
  const refused = async (name: string, change: { readonly config?: object; readonly inputs?: readonly string[] }) => {
    const golden = read(`${committed}/${name}.safetensors`);
    const extra = (change.inputs ?? []).map((input) => [input, one] as const);
    const config = { ...golden.config, ...change.config } as GoldenFile["config"];
    await expect(
      verifyGolden({ ...golden, config, inputs: new Map([...golden.inputs, ...extra]) }, runtime),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        new RegExp([...Object.keys(change.config ?? {}), ...(change.inputs ?? [])].join(".*")),
      ),
    });
  };
  await refused("gpt2-untied-by-depth", { inputs: ["inputs_embeds", "encoder_hidden_states"] });
  await refused("gpt2-untied-by-depth", { config: { layer_norm_eps: 1e-3 } });
  await refused("transformer-marian-apart", { inputs: ["decoder_attention_mask"] });
  await refused("transformer-marian-apart", { config: { tie_word_embeddings: false } });
  await refused("transformer-torch-no-bias", { inputs: ["src_mask_added"] });
  await refused("transformer-torch-no-bias", { config: { norm_last: true } });
  await refused("attention-mha-bias-kv", { config: { average_attn_weights: true } });
  await refused("rnn-gru-single", { config: { reset_before: true } });
  await refused("seq2seq-gru-dot", { config: { input_feeding: true } });
  await refused("mae-hf", { config: { layer_norm_epsilon: 1e-3 } });
  await refused("vit-hf-small", { config: { hidden_activation: "relu" } });
  await refused("vit-conv-stem", { config: { norm_layer: "RmsNorm" } });
  await refused("swin-hf-padded", { config: { shift: 3 } });
  await refused("resnet-dilated", { inputs: ["bool_masked_pos"] });
  await refused("vit-hf-small", { inputs: ["bool_masked_pos"] });
});

test("dropout says nothing of a case that does not train, and files' own entries nothing of any", async () => {
  const golden = read(`${committed}/attention-mha-bias-kv.safetensors`);
  const config = { ...golden.config, dropout: 0.5, transformers_version: "5", kdim: null };
  expect(await failures({ ...golden, config })).toEqual([]);
  await expect(failures({ ...golden, config, mode: "train: dropout" })).rejects.toThrow("none for dropout 0.5");
});

test("a file that is no golden file is refused by what it lacks", () => {
  const file = (metadata: Readonly<Record<string, string>>) => writeSafetensors([], Object.entries(metadata));
  expect(() => parseGolden(file({}), "x")).toThrow('must say format "vitrine-golden/1", got none in x');
  expect(() => parseGolden(file({ format: "vitrine-golden/1" }), "x")).toThrow('must have "case" in x');
  const whole = { format: "vitrine-golden/1", case: "c", model: "vit", reference: "r", config: "{", tolerance: "{}" };
  expect(() => parseGolden(file(whole), "x")).toThrow(/"config" must be JSON of its form/);
  expect(() => parseGolden(file({ ...whole, config: "{}" }), "x")).toThrow(/"tolerance" must be JSON of its form/);
});
