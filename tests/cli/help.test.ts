import { expect, test } from "vitest";
import description from "../../package.json" with { type: "json" };
import { vitrine } from "./process.ts";

const verbs = [
  "train",
  "pretrain",
  "inspect",
  "report",
  "eval",
  "classify",
  "explain",
  "generate",
  "translate",
  "export",
  "verify",
  "bench",
  "models",
  "doctor",
  "demo",
];

test.each(["", ...verbs])("the help of vitrine %s is what people are told", async (verb) => {
  const { code, stdout, stderr } = await vitrine([...(verb ? [verb] : []), "--help"]);
  expect(code).toBe(0);
  expect(stderr).toBe("");
  await expect(stdout).toMatchFileSnapshot(`help/${verb || "vitrine"}.txt`);
});

test("--version is the package's", async () => {
  expect(await vitrine(["--version"])).toEqual({ code: 0, stdout: `${description.version}\n`, stderr: "" });
});

test("without a verb, the help goes to standard error and the usage is wrong", async () => {
  const { code, stdout, stderr } = await vitrine([]);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain("Usage: vitrine");
});
