import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { decodeImage } from "../../src/data/decode-node.ts";
import { VitrineError } from "../../src/errors.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { differences, orientationDifferences } from "./odd-images-differences.ts";

interface Pixels {
  width: number;
  height: number;
  sha256: string;
}
type Want = { error: string } | (Pixels & { mode: string; upright: Pixels });

function wanted(name: string): Record<string, Want> {
  const text = readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { files: Record<string, Want> }).files;
}

const files = wanted("odd-images");

async function decoded(name: string, orientation: "exif" | "ignore"): Promise<Pixels | { error: VitrineError }> {
  try {
    const { width, height, data } = await decodeImage(sharedPath("data/odd-images", name), { orientation });
    return { width, height, sha256: createHash("sha256").update(data).digest("hex") };
  } catch (error) {
    if (error instanceof VitrineError) return { error };
    throw error;
  }
}

test.skipIf(!hasShared)("the golden file names every odd image", async () => {
  const there = (await readdir(sharedPath("data/odd-images"))).filter((name) => name !== "manifest.csv");
  expect(Object.keys(files).sort()).toEqual(there.sort());
  expect(there.length).toBe(118);
});

test.skipIf(!hasShared)(
  "odd images decode to Pillow's bytes or are refused by name, but for the listed differences",
  async () => {
    const unlike: string[] = [];
    for (const [name, want] of Object.entries(files)) {
      const got = await decoded(name, "ignore");
      if ("error" in got) {
        expect(["INVALID_FILE", "UNSAFE_FILE"], name).toContain(got.error.code);
        expect(got.error.message).toContain(name);
        expect(got.error.message).not.toContain("\n");
      }
      const alike =
        "error" in want
          ? "error" in got
          : !("error" in got) && got.width === want.width && got.height === want.height && got.sha256 === want.sha256;
      if (!alike) unlike.push(name);
    }
    expect(unlike.sort()).toEqual(Object.keys(differences).sort());
  },
);

test.skipIf(!hasShared)(
  "orientation tags turn images as Pillow's exif_transpose does, but for the listed differences",
  async () => {
    const unlike: string[] = [];
    for (const [name, want] of Object.entries(files)) {
      if ("error" in want || name in differences) continue;
      const got = await decoded(name, "exif");
      if ("error" in got || got.sha256 !== want.upright.sha256 || got.width !== want.upright.width) unlike.push(name);
    }
    expect(unlike).toEqual(Object.keys(orientationDifferences));
  },
);

test.skipIf(!hasShared)("all 106 photographs decode to Pillow's bytes, as stored and turned upright", async () => {
  const photographs = Object.entries(wanted("photographs"));
  expect(photographs.length).toBe(106);
  for (const [name, want] of photographs) {
    const path = sharedPath("data/imagenet-sample/images", name);
    for (const orientation of ["ignore", "exif"] as const) {
      const { data } = await decodeImage(path, { orientation });
      const sha256 = createHash("sha256").update(data).digest("hex");
      expect(sha256, `${name}, ${orientation}`).toBe(
        "error" in want ? "" : (orientation === "exif" ? want.upright : want).sha256,
      );
    }
  }
});
