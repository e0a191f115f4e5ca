import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FolderSource } from "../../../src/data/datasets/folder-node.ts";
import { parseTable } from "../../../src/data/datasets/table.ts";
import { openDataset } from "../../../src/data/open-node.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "vitrine-list-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content = "x"): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return join(root, path);
}

test("CSV is read as RFC 4180 has it", () => {
  const cell = fc.stringMatching(/^[a-z,"\n\r ]{0,8}$/);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }),
      fc.constantFrom("\n", "\r\n"),
      (rows, end) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const text = `\u{feff}a,b${end}${rows.map((row) => row.map(quoted).join(",")).join(end)}${end}`;
        const table = parseTable(text, "csv", "x.csv");
        const expected = rows.map((row) => row.map((value) => value.trim() || undefined));
        expect([...table.rows].map((row) => [row.cell("a"), row.cell("b")])).toEqual(expected);
      },
    ),
  );
});

test("lines are counted as an editor counts them, also after cells of several lines", () => {
  const { rows } = parseTable('a,b\n"x\ny",1\n\nz,2', "csv", "x.csv");
  expect([...rows].map(({ line }) => line)).toEqual([2, 5]);
  expect(() => [...parseTable("a,b\n1,2\n1,2,3\n", "csv", "x.csv").rows]).toThrow("got 3 at line 3 in x.csv");
  expect(() => [...parseTable('a\n"x', "csv", "x.csv").rows]).toThrow("at line 2 in x.csv");
  expect(() => parseTable("a,a\n", "csv", "x.csv")).toThrow("a comes twice");
  expect(() => parseTable("", "csv", "x.csv")).toThrow("it is empty");
  expect(() => [...parseTable('{"a":1}\n[2]\n', "jsonl", "x.jsonl").rows]).toThrow("got [2] at line 2 in x.jsonl");
});

const lists: readonly (readonly [string, string])[] = [
  ["list.csv", 'file_name,Label,split\nimages/1.jpg,"cat, grey",train\nimages/2.jpg,dog,val\nimages/3.jpg,dog,train\n'],
  [
    "list.tsv",
    "path\tclass\tsubset\nimages/1.jpg\tcat, grey\ttrain\nimages/2.jpg\tdog\tvalidation\nimages/3.jpg\tdog\tTrain\n",
  ],
  [
    "list.jsonl",
    '{"image":"images/1.jpg","label":"cat, grey","split":"train"}\n{"image":"images/2.jpg","label":"dog","split":"valid"}\n\n{"split":"train","label":"dog","image":"images/3.jpg"}',
  ],
];

test.each(lists)("%s gives paths relative to itself, classes and splits", async (name, content) => {
  put("images/1.jpg");
  const { train, validation, test: none } = await openDataset(put(name, content));
  expect(train.classes).toEqual(["cat, grey", "dog"]);
  expect((train.source as FolderSource).files).toEqual([join(root, "images/1.jpg"), join(root, "images/3.jpg")]);
  expect([train.labelOf(0), train.labelOf(1), validation!.labelOf(0), validation!.length, none]).toEqual([
    0,
    1,
    1,
    1,
    undefined,
  ]);
  expect(validation!.name).toBe(`${name}/validation`);
});

test("numbers are ordered as numbers, and rows without path or label are listed", async () => {
  put("1.jpg");
  const list = put("list.csv", "image,label\n1.jpg,10\n1.jpg,9\n,9\n1.jpg,\n");
  const { train } = await openDataset(list);
  expect(train.classes).toEqual(["9", "10"]);
  expect(train.skipped).toEqual([
    { file: `${list}:4`, reason: "no path" },
    { file: `${list}:5`, reason: "no label" },
  ]);
});

test("a folder with metadata.csv beside one folder of images is a list, one with class folders is not", async () => {
  put("images/1.jpg");
  put("metadata.csv", "file_name,label\nimages/1.jpg,a\nimages/2.jpg,b\n");
  expect((await openDataset(root)).train.classes).toEqual(["a", "b"]);
  put("others/1.jpg");
  expect((await openDataset(root)).train.classes).toEqual(["images", "others"]);
});

test("what is wrong with a list is said", async () => {
  put("1.jpg");
  const of = (content: string) => openDataset(put("list.csv", content));
  await expect(of("picture,label\n1.jpg,a\n")).rejects.toThrow(
    /a list must have a column of paths, got picture, label .*give it one of the names image, img, file_name/,
  );
  await expect(of("image,kind\n1.jpg,a\n")).rejects.toThrow("a column of labels");
  await expect(of("image,label,split\n1.jpg,a,holdout\n")).rejects.toThrow(
    /got "holdout" in the column split in .*list.csv:2/,
  );
  await expect(of("image,label\n")).rejects.toThrow("it names none");
  await expect(of("image,label\n1.jpg,a\n")).rejects.toThrow("there must be at least two classes, got only a");
  await expect(of("image,label\n7.jpg,a\n8.jpg,b\n")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(openDataset(join(root, "none.csv"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(openDataset(put("photo.jpg"))).rejects.toThrow("got a file of another kind");
});

test("a path that is not there is said to be so", async () => {
  await expect(openDataset(join(root, "none"))).rejects.toThrow(
    /must be a file or folder that is there in .*none; check/,
  );
});
