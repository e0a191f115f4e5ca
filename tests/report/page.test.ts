import { expect, test } from "vitest";
import { reportPage } from "../../src/report/page.ts";
import { content } from "./content.ts";

const page = reportPage(content);

test("the page needs no other file, no network and no script", () => {
  expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/);
  for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(source).toMatch(/^(?:data:image\/|#)/);
});

test("every link leads to a place on the page, and no place has two", () => {
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
  expect(links.filter((id) => !ids.includes(id))).toEqual([]);
  expect(links).toContain("pair-0-1");
});

test("of many mistakes each kind is still listed", () => {
  const many = Array.from({ length: 1200 }, (_, i) => ({ ...content.mistakes[0]!, is: i % 2, given: 1 - (i % 2) }));
  const long = reportPage({ ...content, mistakes: many });
  for (const kind of ["pair-0-1", "pair-1-0"]) expect(long).toContain(`id="${kind}"`);
  expect(long.match(/and 350 more/g)).toHaveLength(2);
});

test("names are text, whatever they hold", () => {
  expect(page).toContain("insects &#60;&#38;&#62; cats");
  expect(page).toContain("bee &#38; co");
  expect(page).not.toMatch(/<4>|<&>/);
});

test("tags are closed in order", () => {
  const open: string[] = [];
  const alone = new Set(["meta", "img", "br", "!doctype"]);
  for (const [, close, name, self] of page
    .replace(/<style>[^<]*<\/style>/, "")
    .matchAll(/<(\/?)([a-z!][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (alone.has(name!.toLowerCase()) || self === "/") continue;
    if (close === "/") expect(open.pop()).toBe(name);
    else open.push(name!);
  }
  expect(open).toEqual([]);
});

test("pictures have words, and a confusion cell says its counts", () => {
  for (const [image] of page.matchAll(/<img[^>]*>/g)) expect(image).toMatch(/ alt="[^"]{10,}"/);
  for (const [chart] of page.matchAll(/<svg[^>]*>/g)) expect(chart).toMatch(/role="img" aria-label="[^"]{10,}"/);
  expect(page).toContain('title="1 of 3 ant called bee &#38; co (33.3 %)"');
});

test("the figures are those of the content", () => {
  for (const figure of ["83.3 %", "0.700", "43.6 % to 97.0 %", "93.6 %", "2 of 2 epochs", "0.4 to 1"])
    expect(page).toContain(figure);
});

test("a run without mistakes, curves or validation still has a page", () => {
  const bare = reportPage({
    ...content,
    mistakes: [],
    shown: [],
    history: { steps: [], epochs: [], stepsPerEpoch: 1, plannedEpochs: 0, seconds: 0 },
    data: { ...content.data, findings: [], unreadable: [] },
    choices: [],
  });
  expect(bare).toContain("None among 6 pictures.");
  expect(bare).toContain("no numbers of Loss");
  expect(bare).not.toMatch(/NaN|undefined|Infinity/);
});

test("the page says by what the best epoch was chosen, and draws it where it is not the accuracy", () => {
  expect(page).toContain("the best by accuracy on the validation images");
  expect(page).toContain("chosen by its accuracy on the same validation images");
  expect(page).not.toContain("balanced");
  const { history } = content;
  const epochs = history.epochs.map((one) => ({ ...one, validation: { ...one.validation!, balancedAccuracy: 0.625 } }));
  const best = { epoch: 1, by: "balanced accuracy", accuracy: 5 / 6, balancedAccuracy: 0.625 } as const;
  const unequal = reportPage({ ...content, history: { ...history, epochs, best } });
  expect(unequal).toContain("the best by balanced accuracy on the validation images");
  expect(unequal).toContain("balanced from 62.5 % to 62.5 %");
  expect(unequal).toContain("Balanced accuracy is the mean over the classes");
});
