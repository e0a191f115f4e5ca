/** Test files that run in the browser as they stand; `suite.test.ts` says what stands in for Node. */

import { collected, scope } from "./in-page/vitest.ts";

const files: Readonly<Record<string, () => Promise<unknown>>> = {
  "goldens/ops-layers": () => import("../goldens/ops-layers.test.ts"),
  "gradient/conventions": () => import("../gradient/conventions.test.ts"),
  "gradient/rules": () => import("../gradient/rules.test.ts"),
  "graph/keep": () => import("../graph/keep.test.ts"),
  "graph/random": () => import("../graph/random.test.ts"),
  "losses/assignment": () => import("../losses/assignment.test.ts"),
  "losses/boxes": () => import("../losses/boxes.test.ts"),
  "losses/losses": () => import("../losses/losses.test.ts"),
  "optim/optimizers": () => import("../optim/optimizers.test.ts"),
  "optim/average": () => import("../optim/average.test.ts"),
  "optim/groups": () => import("../optim/groups.test.ts"),
  "optim/schedules": () => import("../optim/schedules.test.ts"),
  "nn/bias-table": () => import("../nn/bias-table.test.ts"),
  "nn/drop": () => import("../nn/drop.test.ts"),
  "nn/norm": () => import("../nn/norm.test.ts"),
  "nn/patch-kernel": () => import("../nn/patch-kernel.test.ts"),
  "nn/positions": () => import("../nn/positions.test.ts"),
  "data/mix": () => import("../data/mix.test.ts"),
  "data/preprocess": () => import("../data/preprocess.test.ts"),
  "data/resize": () => import("../data/resize.test.ts"),
  "tasks/verify": () => import("../tasks/verify.test.ts"),
  "tasks/verify-hierarchical": () => import("../tasks/verify-hierarchical.test.ts"),
};

for (const [file, load] of Object.entries(files)) {
  scope.file = file;
  await load();
}

async function run(index: string): Promise<string> {
  try {
    await collected[Number(index)]!.run();
    return "passed";
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  }
}

const names = (): Promise<readonly { readonly name: string; readonly skipped: boolean }[]> =>
  Promise.resolve(collected.map(({ name, skipped }) => ({ name, skipped })));

Object.assign(globalThis, { checks: { names, run } });
