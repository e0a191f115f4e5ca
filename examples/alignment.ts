/** A network that turns sequences around, and where it looks while it writes: nobody told it the alignment. */

import { compile, grad, ndarray, nodeRuntime, stream } from "vitrine";
import { crossEntropy } from "vitrine/losses";
import { Seq2Seq } from "vitrine/models";
import { adamW, weightDecayGroups } from "vitrine/optim";
import { Seq2SeqWriter } from "vitrine/tasks";

const [pad, begin, end, letters, length, batch] = [0, 1, 2, 6, 5, 32];
const model = new Seq2Seq({
  sourceWords: 3 + letters,
  targetWords: 3 + letters,
  embed: 16,
  hidden: 24,
  layers: 1,
  cell: "gru",
  attention: "additive",
  dropout: 0,
  ...{ pad, begin, end },
}).initialize(1);
const runtime = await nodeRuntime({ threads: 1 });
const parameters = model.parameters();
const optimizer = adamW(weightDecayGroups(parameters, 0));
const ids = (n: number) => ({ dtype: "int64", shape: [batch, n] }) as const;
const step = await compile(
  ({ source, lengths, target, next, ...scalars }) => {
    const { logits } = model.forward({ source, lengths, target });
    const loss = crossEntropy(logits.reshape([batch * (length + 1), 3 + letters]), next.reshape([-1]));
    optimizer.update(grad(loss, [...parameters.values()]), scalars);
    return { loss };
  },
  {
    source: ids(length),
    lengths: { dtype: "int64", shape: [batch] },
    target: ids(length + 1),
    next: ids(length + 1),
    ...optimizer.inputs,
  },
  { runtime },
);
const lengths = ndarray("int64", [batch], Array<number>(batch).fill(length));
for (let i = 0; i < 120; i++) {
  const random = stream(1, i);
  const texts = Array.from({ length: batch }, () => Array.from({ length }, () => 3 + random.integer(letters)));
  const whole = (rows: number[][]) => ndarray("int64", [batch, rows[0]!.length], rows.flat());
  const target = whole(texts.map((text) => [begin, ...text.toReversed()]));
  const next = whole(texts.map((text) => [...text.toReversed(), end]));
  const { loss } = await step.run({ source: whole(texts), lengths, target, next, ...optimizer.feeds(i, 0.01) });
  if (i % 40 === 39) console.log(`step ${i + 1}  loss ${Number(loss!.data[0]).toFixed(3)}`);
}

const writer = await Seq2SeqWriter.open(model, runtime);
const [[best]] = (await writer.write([[3, 4, 5, 6, 7]], { beams: 1 })) as unknown as [
  [{ words: number[]; alignment: { data: Float32Array } }],
];
console.log("3 4 5 6 7 turned around:", best.words.join(" "));
const looks = best.words.map((_, row) => Array.from(best.alignment.data.slice(row * length, (row + 1) * length)));
console.log("looks most at place", looks.map((row) => row.indexOf(Math.max(...row))).join(" "));
await writer.dispose();
