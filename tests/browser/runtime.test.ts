import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SelfCheck } from "../../src/runtime/self-check.ts";
import { callCheck, hasChromium, type OpenPage, openPage } from "./harness.ts";

const entry = new URL("./runtime-page.ts", import.meta.url);
const halved = [
  [8, 16],
  [4, 8, 4, 8],
  [2, 4, 2, 4, 2, 4],
  [1, 0, 0, 2],
];

describe.skipIf(!hasChromium)("in a browser", () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage(entry);
  });
  afterAll(() => open.close());

  for (const device of ["wasm", "webgpu"] as const)
    test(`${device} computes right numbers`, async () => {
      const result = await callCheck<SelfCheck>(open.page, device);
      expect(result).toMatchObject({ ok: true, device });
      expect(result.largestError).toBeLessThan(1e-5);
    });

  test("wasm: a weight goes from step to step", async () => {
    expect(await callCheck(open.page, "halveWasm")).toEqual(halved);
  });

  test("webgpu: a weight goes from step to step without leaving the device", async () => {
    expect(await callCheck(open.page, "halveWebgpu")).toEqual(halved);
  });
});

test.skipIf(!hasChromium)("wasm uses threads on an isolated page", async () => {
  const isolated = await openPage(entry, { isolated: true });
  const result = await callCheck<SelfCheck & { threads: number }>(isolated.page, "wasm");
  expect(result.ok).toBe(true);
  expect(result.threads).toBe(await isolated.page.evaluate(() => navigator.hardwareConcurrency));
  await isolated.close();
});
