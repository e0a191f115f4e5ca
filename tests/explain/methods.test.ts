import { expect, test } from "vitest";
import { attentionMaps, attentionQuestion } from "../../src/explain/attention.ts";
import { distanceQuestion, distancesOf } from "../../src/explain/attention-distance.ts";
import { gradCamMap, gradCamQuestion } from "../../src/explain/grad-cam.ts";
import { integrateGradients } from "../../src/explain/integrated-gradients.ts";
import { look, type Seen } from "../../src/explain/look.ts";
import { relevanceQuestion, relevanceRow } from "../../src/explain/relevance.ts";
import { rolloutQuestion, rolloutRow } from "../../src/explain/rollout.ts";
import { subjectOf } from "../../src/explain/subject.ts";
import { matrixOf, startingRow } from "../../src/explain/token-rows.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";
import { cases, modelOf } from "./golden.ts";

const close = (got: ArrayLike<number>, want: readonly number[], what: string): void =>
  expectClose(
    { dtype: "float64", shape: [got.length], data: Float64Array.from(got) },
    { dtype: "float64", shape: [want.length], data: Float64Array.from(want) },
    { rtol: 1e-4, atol: 1e-5 * Math.max(...want.map(Math.abs)) },
    what,
  );
const matrices = (seen: Seen): readonly Float32Array[] =>
  Array.from({ length: seen.blocks }, (_, i) => matrixOf(seen, i));

test.each(Object.entries(cases))("%s: all methods equal their rules in torch on timm's model", async (name, want) => {
  const subject = subjectOf({ name, model: modelOf(want) });
  const images = drawn("image", [1, 3, ...(subject.grid.map((side) => 4 * side) as [number, number])]);
  const options = { runtime: await nodeRuntime({ threads: 1 }), classIndex: want.options.choose };

  const relevance = await look(subject, images, relevanceQuestion(subject), options);
  close(relevance.logits, want.logits, "logits");
  expect(relevance.classIndex).toBe(want.class);
  const start = startingRow(subject, relevance, { pooling: relevance.answers.pooling });
  close(relevanceRow(start, matrices(relevance)), want.relevance, "relevance");

  const { fusion = "mean", discard = 0 } = want.options;
  const rollout = await look(subject, images, rolloutQuestion(subject, fusion), options);
  const row = rolloutRow(startingRow(subject, rollout, { pooling: rollout.answers.pooling }), matrices(rollout), {
    discard,
    prefix: rollout.prefix,
  });
  close(row, want.rollout, "rollout");

  const cam = await look(subject, images, gradCamQuestion(subject), options);
  close(gradCamMap(cam).values, want.gradCam, "grad-cam");

  const black = { ...images, data: new Float32Array(images.data.length).fill(-5) };
  const integrated = await integrateGradients(subject, images, black, { ...options, classIndex: want.class });
  close(integrated.map.values, want.integratedGradients, "integrated gradients");

  if (subject.readout.kind !== "attention") {
    const question = attentionQuestion((n) => {
      const [h, w] = subject.grid;
      return startingRow(subject, { prefix: n - h * w, grid: subject.grid }, {});
    });
    const attention = await look(subject, images, question, options);
    const { maps } = attentionMaps(attention, { block: attention.blocks - 1, head: 1 });
    close(maps[0]!.values, want.attention.slice(attention.prefix), "attention");
  }
});

test("attention distance is the mean over patches of the distance that their attention to patches has", async () => {
  const subject = subjectOf({ name: "class-token", model: modelOf(cases["class-token"]!) });
  const seen = await look(
    subject,
    drawn("image", [1, 3, 16, 16]),
    (traced) => ({ ...distanceQuestion([16, 16])(traced), probs: traced.attention[1]![0]! }),
    { runtime: await nodeRuntime({ threads: 1 }) },
  );
  const probs = seen.answers.probs!.data as Float32Array;
  const want = [0, 1, 2].map((head) => {
    let mean = 0;
    for (let i = 0; i < 16; i++) {
      let [far, all] = [0, 0];
      for (let j = 0; j < 16; j++) {
        const weight = probs[(head * 17 + i + 1) * 17 + j + 1]!;
        far += weight * 4 * Math.hypot((i >> 2) - (j >> 2), (i & 3) - (j & 3));
        all += weight;
      }
      mean += far / all / 16;
    }
    return mean;
  });
  close(distancesOf(seen)[1]!, want, "distances");
});
