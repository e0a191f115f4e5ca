import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listFolder, walk } from "../../src/files/walk-node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "vitrine-walk-"));
  await mkdir(join(root, "all", "b", "c"), { recursive: true });
  await mkdir(join(root, "all", ".git"));
  await mkdir(join(root, "far"));
  for (const name of ["all/a.txt", "all/b/c/d.txt", "all/.git/config", "all/😀.txt", "all/ｚ.txt", "far/e.txt"])
    await writeFile(join(root, name), "");
  await symlink(join(root, "all"), join(root, "all", "b", "round"));
  await symlink(join(root, "far"), join(root, "all", "b", "away"));
  await symlink(join(root, "none"), join(root, "all", "b", "gone"));
});
afterAll(() => rm(root, { recursive: true }));

const found = async (folder: string): Promise<readonly string[]> => {
  const lines: string[] = [];
  for await (const { path, names, is } of walk(folder, { what: "it", passes: (name) => name.startsWith(".") })) {
    expect(names.join("/")).toBe(relative(folder, path));
    lines.push(`${names.join("/")}: ${is}`);
  }
  return lines;
};

test("a walk comes to all that lies below, by code point, and says what it does not enter", async () => {
  expect(await found(join(root, "all"))).toEqual([
    ".git: passed by",
    "a.txt: file",
    "b/away/e.txt: file",
    "b/c/d.txt: file",
    "b/gone: broken link",
    "b/round: a link to a folder above it",
    "ｚ.txt: file",
    "😀.txt: file",
  ]);
});

test("what lies in a folder, and what it is", async () => {
  const entries = await listFolder(join(root, "all", "b"), "it");
  expect(entries.map(({ name, is }) => `${name}: ${is}`)).toEqual([
    ...["away: folder", "c: folder", "gone: broken link", "round: folder"],
  ]);
  expect(entries[1]!.path).toBe(join(root, "all", "b", "c"));
  expect((await listFolder("/dev", "it")).find(({ name }) => name === "null")!.is).toBe("neither file nor folder");
});

test("a folder that is none is said, with what it should be", async () => {
  await expect(listFolder(join(root, "none"), "a data set")).rejects.toMatchObject({
    code: "NOT_FOUND",
    fields: { rule: "a data set must be a readable folder", place: join(root, "none") },
  });
  await expect(found(join(root, "far", "e.txt"))).rejects.toMatchObject({ code: "INVALID_FILE" });
});
