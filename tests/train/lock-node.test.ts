import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "../../src/train/lock-node.ts";

let place: string;
let folder: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "vitrine-lock-"));
  folder = join(place, "run");
  mkdirSync(folder);
});
afterEach(() => rmSync(place, { recursive: true }));

test("a folder that a running process has is refused", async () => {
  writeFileSync(join(folder, "run.lock"), `${process.ppid} ${hostname()}\n`);
  await expect(lockFolder(folder)).rejects.toMatchObject({ code: "OUTPUT_CONFLICT" });
});

test.each([
  ["a process that is no more", "999999999"],
  ["nobody", ""],
])("the lock of %s is taken over, and given back", async (_, pid) => {
  writeFileSync(join(folder, "run.lock"), `${pid} ${hostname()}\n`);
  const unlock = await lockFolder(folder);
  expect(readdirSync(folder)).toEqual(["run.lock"]);
  await unlock();
  expect(readdirSync(folder)).toEqual([]);
});

test("what a killed process left half-written is cleared away, and nothing else", async () => {
  writeFileSync(join(folder, "recipe.json.123-0a1b2c3d.tmp"), "");
  writeFileSync(join(folder, "notes.tmp"), "");
  mkdirSync(join(place, ".run.123-0a1b2c3d.tmp"));
  mkdirSync(join(place, ".running.123-0a1b2c3d.tmp"));
  await (await lockFolder(folder))();
  expect(readdirSync(folder)).toEqual(["notes.tmp"]);
  expect(readdirSync(place).sort()).toEqual([".running.123-0a1b2c3d.tmp", "run"]);
});
