import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { writeFileAtomically } from "../../src/files/write-node.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { openFileBytes } from "../../src/weights/file-bytes-node.ts";
import { openSafetensors, saveSafetensors } from "../../src/weights/safetensors-node.ts";

/** Bytes that the disk has left, and the most that one call moves. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY, perCall: Number.POSITIVE_INFINITY }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const open = async (path: string, flags: string): Promise<FileHandle> => {
    const handle = await real.open(path, flags);
    type Move = (bytes: Uint8Array, offset: number, length: number, at?: number) => Promise<unknown>;
    const write = handle.write.bind(handle) as Move;
    const read = handle.read.bind(handle) as Move;
    handle.write = (async (bytes: Uint8Array, offset: number, length: number) => {
      const part = Math.min(length, disk.perCall, disk.room);
      if (part === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      disk.room -= part;
      return write(bytes, offset, part);
    }) as unknown as FileHandle["write"];
    handle.read = (async (bytes: Uint8Array, offset: number, length: number, at: number) =>
      read(bytes, offset, Math.min(length, disk.perCall), at)) as unknown as FileHandle["read"];
    return handle;
  };
  return { ...real, open };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vitrine-files-"));
  disk.room = disk.perCall = Number.POSITIVE_INFINITY;
});
afterEach(() => rmSync(folder, { recursive: true }));

const tensors = [["a", ndarray("float32", [3], [1, 2, 3])]] as const;

test("a file is saved and read back, even when the system moves few bytes a call", async () => {
  disk.perCall = 5;
  const path = join(folder, "m.safetensors");
  await saveSafetensors(path, tensors, [["k", "v"]]);
  expect(readdirSync(folder)).toEqual(["m.safetensors"]);
  const source = await openSafetensors(path);
  expect(await source.read("a")).toEqual(tensors[0][1]);
  expect(source.metadata).toEqual(new Map([["k", "v"]]));
  await source.close();
  await source.close();
});

test("a full disk leaves the old file and nothing else", async () => {
  const path = join(folder, "m.safetensors");
  writeFileSync(path, "old");
  disk.room = 40;
  await expect(saveSafetensors(path, tensors)).rejects.toMatchObject({
    code: "STORAGE_FAILURE",
    message: expect.stringMatching(/ENOSPC.*nothing was left behind/),
  });
  expect(readdirSync(folder)).toEqual(["m.safetensors"]);
  expect(readFileSync(path, "utf8")).toBe("old");
});

test("a mistake found while writing leaves nothing", async () => {
  await expect(saveSafetensors(join(folder, "m"), [...tensors, ...tensors])).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  await expect(saveSafetensors(join(folder, "none", "m"), tensors)).rejects.toMatchObject({ code: "NOT_FOUND" });
  mkdirSync(join(folder, "taken"));
  await expect(writeFileAtomically(join(folder, "taken"), [])).rejects.toMatchObject({ code: "STORAGE_FAILURE" });
  expect(readdirSync(folder)).toEqual(["taken"]);
});

test("what is not a readable file is told in words", async () => {
  await expect(openSafetensors(join(folder, "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(openSafetensors(folder)).rejects.toThrow(/regular file/);
});

test("a file that is cut while open is noticed", async () => {
  const path = join(folder, "f");
  writeFileSync(path, "0123456789");
  const bytes = await openFileBytes(path);
  writeFileSync(path, "0123");
  await expect(bytes.read(2, 6)).rejects.toThrow(/needs bytes 2 to 8, has 4/);
  await expect(bytes.read(2, 9)).rejects.toThrow(/needs bytes 2 to 11, has 10/);
  await bytes.close();
});
