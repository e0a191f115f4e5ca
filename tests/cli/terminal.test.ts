import { expect, test, vi } from "vitest";
import { progressLine, Terminal } from "../../src/cli/terminal.ts";

const details = "epoch 12/20  loss ▇▆▅▄▃▂▂▁ 2.301  accuracy 12.3 %  320 images/s  1 h 2 min left";
const line = (columns: number): string => progressLine({ label: "training", done: 936, total: 3744, details, columns });

test("a wide terminal shows the bar and all details", () => {
  expect(line(140)).toBe(`training ██████░░░░░░░░░░░░░░░░░░ 936/3744  ${details}`);
});

test.each([
  // The bar goes first, then the curve, then what stands before the speed and the time left.
  [118, /^training █{2,}░+ 936\/3744 {2}epoch .* loss [▁-█]+ 2\.301 .* left$/],
  [105, /^training 936\/3744 {2}epoch .* loss [▁-█]+ 2\.301 {2}accuracy .* left$/],
  [95, /^training 936\/3744 {2}epoch 12\/20 {2}loss 2\.301 {2}accuracy 12\.3 % {2}320 images\/s {2}1 h 2 min left$/],
  [80, /^training 936\/3744 {2}epoch 12\/20 {2}loss 2\.301 {2}320 images\/s {2}1 h 2 min left$/],
  [55, /^training 936\/3744 {2}320 images\/s {2}1 h 2 min left$/],
  [40, /^training 936\/3744 {2}1 h 2 min left$/],
  [20, /^training 936\/3744$/],
])("in %i columns nothing is cut off", (columns, expected) => {
  expect(line(columns)).toMatch(expected);
  expect([...line(columns)].length).toBeLessThan(columns);
});

test("a job without details has its bar", () => {
  const shown = progressLine({ label: "evaluating", done: 5, total: 10, details: "", columns: 80 });
  expect(shown).toBe("evaluating ████████████░░░░░░░░░░░░ 5/10");
});

test("a total that is known only later is shown from then on", async () => {
  const lines: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  try {
    const progress = await new Terminal({ json: false, quiet: false }).progress("evaluating", 0, 0);
    progress.update(448, "", 1000);
    progress.update(3, "41.2 BLEU", 5);
    progress.stop();
  } finally {
    write.mockRestore();
  }
  expect(lines).toEqual(["evaluating 448/1000\n", "evaluating 3/5  41.2 BLEU\n"]);
});
