/** Texts by name: read from a folder, or fetched once from their publishers into the cache. Node only. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../../errors.ts";
import { type DatasetCache, type DownloadCall, download, type RemoteFile } from "../datasets/download-node.ts";

/** A text, or translations, that have a name. */
export interface NamedText {
  readonly name: string;
  readonly kind: "text" | "translations";
  /** Where its publisher has it. */
  readonly address: string;
  /** Files there, as they are kept, with their checksums. */
  readonly files: readonly (readonly [file: string, ...checksum: RemoteFile["checksum"]])[];
}

/** The texts that have names; translations have a file `PART.LANGUAGE.gz` for each part and language. */
export const namedTexts: readonly NamedText[] = [
  {
    name: "multi30k",
    kind: "translations",
    address: "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",
    files: [
      ["train.de.gz", "sha256", "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"],
      ["train.en.gz", "sha256", "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"],
      ["train.fr.gz", "sha256", "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"],
      ["val.de.gz", "sha256", "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"],
      ["val.en.gz", "sha256", "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"],
      ["val.fr.gz", "sha256", "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"],
      ["test_2016_flickr.de.gz", "sha256", "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"],
      ["test_2016_flickr.en.gz", "sha256", "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"],
      ["test_2016_flickr.fr.gz", "sha256", "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"],
    ],
  },
  {
    name: "tinyshakespeare",
    kind: "text",
    address: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
    files: [["input.txt", "sha256", "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"]],
  },
];

/** Whether a text has this name. */
export function isNamedText(reference: string): boolean {
  return namedTexts.some(({ name }) => name === reference);
}

/** Where to look for the files of a text. */
export interface NamedTextOptions extends DownloadCall {
  /** Folder of the files, or one above it with the text's name; nothing is fetched then. Default: `data`, then the cache, then the web. */
  readonly dataDir?: string | undefined;
  readonly cache: DatasetCache;
}

/**
 * The folder with the files of a named text.
 * @param wanted the files that are needed; all without it
 * @throws {VitrineError} NOT_FOUND when `dataDir` has not its files, or offline; DOWNLOAD_FAILURE when they cannot be fetched.
 */
export async function namedTextFolder(
  { name, address, files }: NamedText,
  { dataDir, cache, ...call }: NamedTextOptions,
  wanted: readonly string[] = files.map(([file]) => file),
): Promise<string> {
  const places = [dataDir ?? "data", join(dataDir ?? "data", name), join(dataDir ?? "data", "text", name)];
  for (const place of places) if (await holds(place, wanted)) return place;
  if (dataDir !== undefined)
    throw new VitrineError("NOT_FOUND", {
      rule: `the files of ${name} must be in --data-dir or a folder ${name} in it`,
      evidence: `it lacks ${wanted[0]}`,
      place: dataDir,
      next: `put ${wanted.join(", ")} there (from ${address}), or leave out --data-dir to have them fetched`,
    });
  const kept = join(cache.folder, "datasets", name);
  if (await holds(kept, wanted)) return kept;
  if (cache.offline)
    throw new VitrineError("NOT_FOUND", {
      rule: `${name} must be fetched once, and this process is offline`,
      next: `put ${wanted.join(", ")} (from ${address}) into ${kept}`,
    });
  for (const [file, ...checksum] of files.filter(([file]) => wanted.includes(file)))
    await download({ url: `${address}${file}`, checksum }, join(kept, file), call);
  return kept;
}

async function holds(folder: string, files: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    files.map((file) =>
      stat(join(folder, file)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}
