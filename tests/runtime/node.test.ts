import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VitrineError } from "../../src/errors.ts";
import { symbol } from "../../src/graph/dim.ts";
import { type DType, type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { inputValue, makeNode, makeVariable } from "../../src/graph/graph.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { selfCheck } from "../../src/runtime/self-check.ts";
import { availableCores, cpuQuota } from "../../src/runtime/threads-node.ts";
import { webRuntime } from "../../src/runtime/web.ts";
import { workerRuntime } from "../../src/runtime/worker-node.ts";

/** y = 2·x, and s = x · x as a sum, over a free axis, in one element type. */
function doubling(dtype: DType = "float32"): ReturnType<typeof encodeModel> {
  const x = inputValue("x", dtype, [symbol("n")]);
  const y = makeNode("Add", [x, x], {}, "head").outputs[0]!;
  const square = makeNode("Mul", [x, x], {}, "head").outputs[0]!;
  return encodeModel({
    inputs: [x],
    outputs: new Map([
      ["y", y],
      ["square", square],
    ]),
    updates: new Map(),
  });
}

/** Gathers with an index that is fed, and so may be out of range. */
function failing(): ReturnType<typeof encodeModel> {
  const x = inputValue("x", "float32", [symbol("n")]);
  const index = inputValue("index", "int64", [1]);
  const y = makeNode("Gather", [x, index], {}, "blocks.3.attn").outputs[0]!;
  return encodeModel({ inputs: [x, index], outputs: new Map([["y", y]]), updates: new Map() });
}

const x = (...values: number[]): NdArray => ndarray("float32", [values.length], values);

const runtimes: readonly (readonly [string, () => Promise<Runtime>])[] = [
  ["cpu", () => nodeRuntime({ threads: 2 })],
  ["wasm", () => webRuntime()],
  ["worker", async () => workerRuntime({ threads: 1 })],
];

for (const [name, open] of runtimes) {
  test(`${name}: a session runs any batch size and returns only what is asked for`, async () => {
    const session = await (await open()).createSession(doubling());
    expect(session.inputNames).toEqual(["x"]);
    expect(session.outputNames).toEqual(["y", "square"]);
    expect(await session.run(new Map([["x", x(1, 2, 3)]]))).toEqual(
      new Map([
        ["y", x(2, 4, 6)],
        ["square", x(1, 4, 9)],
      ]),
    );
    expect(await session.run(new Map([["x", x(5)]]), ["square"])).toEqual(new Map([["square", x(25)]]));
    await session.dispose();
  });

  test(`${name}: a given array receives the result`, async () => {
    const session = await (await open()).createSession(doubling());
    const target = x(9, 9);
    const results = await session.run(new Map([["x", x(1, 2)]]), new Map([["y", target]]));
    expect(results.get("y")).toBe(target);
    expect(target).toEqual(x(2, 4));
    await session.dispose();
  });

  test(`${name}: the feeds stay usable and unchanged`, async () => {
    const session = await (await open()).createSession(doubling());
    const whole = new Float32Array([7, 1, 2, 7]);
    const view: NdArray = { dtype: "float32", shape: [2], data: whole.subarray(1, 3) };
    const results = await session.run(new Map([["x", view]]), ["y"]);
    expect(results.get("y")).toEqual(x(2, 4));
    expect(whole).toEqual(new Float32Array([7, 1, 2, 7]));
    await session.dispose();
  });

  test(`${name}: arrays that threads share go in and out`, async () => {
    const session = await (await open()).createSession(doubling());
    const shared = (...values: number[]): NdArray => {
      const data = new Float32Array(new SharedArrayBuffer(4 * values.length));
      data.set(values);
      return { dtype: "float32", shape: [values.length], data };
    };
    const target = shared(9, 9);
    await session.run(new Map([["x", shared(1, 2)]]), new Map([["y", target]]));
    expect([...target.data]).toEqual([2, 4]);
    await session.dispose();
  });

  test(`${name}: large weights are loaded from memory of their own`, async () => {
    const a = inputValue("x", "float32", [symbol("b"), 20]);
    const data = Float32Array.from({ length: 400 }, (_, i) => (i % 21 === 0 ? 3 : 0));
    const w = makeVariable("w", "float32", [20, 20], () => ndarray("float32", [20, 20], data));
    const y = makeNode("MatMul", [a, w.value], {}, "").outputs[0]!;
    const graph = { inputs: [a], outputs: new Map([["y", y]]), updates: new Map() };
    const session = await (await open()).createSession(encodeModel(graph, { layout: "memory" }));
    const results = await session.run(new Map([["x", ndarray("float32", [1, 20], new Float32Array(20).fill(2))]]));
    expect(results.get("y")).toEqual(ndarray("float32", [1, 20], new Float32Array(20).fill(6)));
    expect(w.data.data.byteLength).toBe(1600);
    await session.dispose();
  });

  test(`${name}: runs that are asked for at once all answer, and closing waits for them`, async () => {
    const session = await (await open()).createSession(doubling());
    const runs = [1, 2, 3].map((value) => session.run(new Map([["x", x(value)]]), ["y"]));
    if (name === "worker") {
      const closed = session.dispose();
      expect((await Promise.all(runs)).map((r) => r.get("y"))).toEqual([x(2), x(4), x(6)]);
      await closed;
    } else {
      expect((await Promise.all(runs)).map((r) => r.get("y"))).toEqual([x(2), x(4), x(6)]);
      await session.dispose();
    }
  });

  test(`${name}: missing and unknown names are refused by name`, async () => {
    const session = await (await open()).createSession(doubling());
    await expect(session.run(new Map([["z", x(1)]]), ["w"])).rejects.toThrow(
      /missing inputs x; unknown inputs z; unknown outputs w/,
    );
    await session.dispose();
  });

  test(`${name}: an error of the engine names the module`, async () => {
    const session = await (await open()).createSession(failing());
    const feeds = new Map([
      ["x", x(1, 2, 3)],
      ["index", ndarray("int64", [1], [7])],
    ]);
    const error: unknown = await session.run(feeds).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(VitrineError);
    expect((error as VitrineError).code).toBe("RUNTIME_FAILURE");
    expect((error as VitrineError).message).toMatch(/in blocks\.3\.attn\/Gather/);
    await session.dispose();
  });

  test(`${name}: the device computes right numbers`, async () => {
    const check = await selfCheck(await open());
    expect(check.ok).toBe(true);
    expect(check.largestError).toBeLessThan(2e-6);
  });

  test(`${name}: bytes that are no model are refused`, async () => {
    const runtime = await open();
    const model = { chunks: [new Uint8Array([1, 2, 3, 4])], files: [] };
    await expect(runtime.createSession(model)).rejects.toThrow(/could not load the graph/);
  });
}

test("every element type goes in and comes out as it is stored", async () => {
  const runtime = await nodeRuntime();
  for (const dtype of ["float16", "float64", "int32", "int64", "uint64"] as const) {
    const session = await runtime.createSession(doubling(dtype));
    const feed = ndarray(dtype, [3], [1, 2, 5]);
    const results = await session.run(new Map([["x", feed]]), ["y"]);
    expect(results.get("y")).toEqual(ndarray(dtype, [3], [2, 4, 10]));
    await session.dispose();
  }
  const session = await runtime.createSession(doubling());
  await expect(session.run(new Map([["x", ndarray("bfloat16", [1], [1])]]))).rejects.toThrow(/no bfloat16/);
  await session.dispose();
});

test("cpu: results land in the given memory without a copy", async () => {
  const session = await (await nodeRuntime()).createSession(doubling());
  const memory = new Float32Array(4);
  const target: NdArray = { dtype: "float32", shape: [2], data: memory.subarray(2) };
  await session.run(new Map([["x", x(1, 2)]]), new Map([["y", target]]));
  expect([...memory]).toEqual([0, 0, 2, 4]);
  const wrong = session.run(new Map([["x", x(1, 2, 3)]]), new Map([["y", target]]));
  await expect(wrong).rejects.toThrow(/shape/);
  await session.dispose();
});

test("worker: the event loop stays free while a session runs", async () => {
  const a = inputValue("x", "float32", [600, 600]);
  let y = a;
  for (let i = 0; i < 20; i++) y = makeNode("MatMul", [y, a], {}, "").outputs[0]!;
  const session = await workerRuntime({ threads: 1 }).createSession(
    encodeModel({ inputs: [a], outputs: new Map([["y", y]]), updates: new Map() }),
  );
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await session.run(new Map([["x", ndarray("float32", [600, 600], new Float32Array(360_000))]]));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
  await session.dispose();
  await expect(session.run(new Map([["x", x(1)]]))).rejects.toThrow(/worker thread must be alive/);
});

test("a profile of named nodes is written when it is asked for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-"));
  const session = await (await nodeRuntime()).createSession(doubling(), { profilePrefix: join(folder, "profile") });
  await session.run(new Map([["x", x(1)]]));
  await session.dispose();
  expect(readdirSync(folder).filter((file) => file.endsWith(".json"))).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

test("a device that the machine lacks is an error, not another device", async () => {
  for (const device of ["cuda", "webgpu"] as const) {
    const opened: unknown = await nodeRuntime({ device }).catch((e: unknown) => e);
    if (opened instanceof Error) {
      expect(opened).toBeInstanceOf(VitrineError);
      expect((opened as VitrineError).code).toBe("NOT_AVAILABLE");
      expect(opened.message).toMatch(/or use the device cpu$/);
    } else expect(opened).toMatchObject({ device });
  }
  await expect(webRuntime({ device: "webgpu" })).rejects.toThrow(/webgpu must be offered/);
});

test("the CPU quota of the container limits the threads", () => {
  const files = (entries: Record<string, string>) => (path: string) => entries[path];
  expect(cpuQuota(files({}))).toBe(Number.POSITIVE_INFINITY);
  const v2 = files({
    "/proc/self/cgroup": "0::/pod/app\n",
    "/sys/fs/cgroup/pod/app/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
    "/sys/fs/cgroup/cpu.max": "400000 100000\n",
  });
  expect(cpuQuota(v2)).toBe(1.5);
  const v1 = files({
    "/proc/self/cgroup": "4:cpu,cpuacct:/docker\n1:name=systemd:/docker\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  });
  expect(cpuQuota(v1)).toBe(0.5);
  expect(availableCores(v1)).toBe(1);
});
