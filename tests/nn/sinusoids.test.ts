import { expect, test } from "vitest";
import { type SinusoidLayout, sinusoids } from "../../src/nn/sinusoids.ts";

const row = (layout: SinusoidLayout, width: number): readonly number[] =>
  Array.from(sinusoids(2, width, layout).data.slice(width), Number);

test("the first position is all zeros and ones, and the second has the paper's waves", () => {
  const first = Array.from(sinusoids(1, 4, "interleaved").data, Number);
  expect(first).toEqual([0, 1, 0, 1]);
  const want = [Math.sin(1), Math.cos(1), Math.sin(0.01), Math.cos(0.01)];
  for (const [i, value] of row("interleaved", 4).entries()) expect(value).toBeCloseTo(want[i]!, 6);
});

test("in halves the table is MarianMT's", () => {
  // Printed by transformers' MarianSinusoidalPositionalEmbedding for width 16, to six digits.
  const sines = [0.841471, 0.310984, 0.099833, 0.031618, 0.01, 0.003162, 0.001, 0.000316];
  const table = row("halves", 16);
  for (const [i, sine] of sines.entries()) expect(table[i]).toBeCloseTo(sine, 5);
  for (let i = 0; i < 8; i++) expect(table[i]! ** 2 + table[8 + i]! ** 2).toBeCloseTo(1, 6);
});

test("OpenNMT's positions count from one, and its last wave is the slowest that the paper names", () => {
  const table = row("opennmt", 6);
  const want = [2, 0.02, 0.0002].flatMap((angle) => [Math.sin(angle), Math.cos(angle)]);
  for (const [wave, place] of [0, 2, 4].entries()) {
    expect(table[wave]).toBeCloseTo(want[place]!, 6);
    expect(table[3 + wave]).toBeCloseTo(want[place + 1]!, 6);
  }
});

test("an odd width has one sine more", () => {
  expect(row("halves", 5)[2]).toBeCloseTo(Math.sin(10000 ** -0.8), 6);
  expect(row("halves", 5)[3]).toBeCloseTo(Math.cos(1), 6);
});
