/** The families whose golden files can be verified: one file each, one line here. */

import type { Adapter } from "./adapter.ts";
import { attentionAdapter } from "./attention.ts";
import { gpt2Adapter } from "./gpt2.ts";
import { maeAdapter } from "./mae.ts";
import { resnetAdapter } from "./resnet.ts";
import { rnnAdapter } from "./rnn.ts";
import { seq2seqAdapter } from "./seq2seq.ts";
import { swinAdapter } from "./swin.ts";
import { tntAdapter } from "./tnt.ts";
import { transformerAdapter } from "./transformer.ts";
import { vitAdapter } from "./vit.ts";

/** What builds our model of a case, by the family in its file. */
export const adapters: Readonly<Record<string, Adapter>> = {
  attention: attentionAdapter,
  gpt2: gpt2Adapter,
  mae: maeAdapter,
  resnet: resnetAdapter,
  swin: swinAdapter,
  swinv2: swinAdapter,
  rnn: rnnAdapter,
  seq2seq: seq2seqAdapter,
  tnt: tntAdapter,
  transformer: transformerAdapter,
  vit: vitAdapter,
};
