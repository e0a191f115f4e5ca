/** Data sets of images within larger files, read from any place in any order. Node only. */

import { open, stat } from "node:fs/promises";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";
import { decodeImage } from "../decode-node.ts";
import type { Dataset } from "./dataset.ts";
import { type RecordSource, recordName } from "./records.ts";

/** The data set of a source, as a worker thread opens it. */
export function recordsDataset(source: RecordSource): Dataset {
  const { name, classes, labels, files, fileOf, starts, lengths, orientation } = source;
  return {
    name,
    classes,
    length: labels.length,
    source,
    labelOf: (index) => labels[index]!,
    async get(index) {
      const file = recordName(source, index);
      const bytes = await readRange(files[fileOf[index]!]!, starts[index]!, lengths[index]!, file);
      return { image: await decodeImage(bytes, { orientation, name: file }), label: labels[index]!, file };
    },
    async originOf(index) {
      const found = await stat(files[fileOf[index]!]!).catch(() => undefined);
      return { file: recordName(source, index), bytes: found?.size ?? -1, modified: found?.mtimeMs ?? -1, orientation };
    },
  };
}

async function readRange(file: string, start: number, length: number, place: string): Promise<Uint8Array> {
  const handle = await open(file, "r").catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError("NOT_FOUND", {
      rule: "a file of images must be there",
      evidence: systemReason(cause),
      place,
      cause,
    });
  });
  try {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(out, done, length - done, start + done);
      if (bytesRead === 0)
        throw new VitrineError("INVALID_FILE", {
          rule: "a file of images must stay as it is while it is in use",
          evidence: `it ends at byte ${start + done}, in the middle of an image`,
          place,
        });
      done += bytesRead;
    }
    return out;
  } finally {
    await handle.close();
  }
}
