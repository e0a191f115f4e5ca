/** `vitrine doctor`: what works on this machine. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { VitrineError } from "../../errors.ts";
import type { Device } from "../../runtime/runtime.ts";
import { selfCheck } from "../../runtime/self-check.ts";
import { availableCores, cpuQuota } from "../../runtime/threads-node.ts";
import { type Context, openRuntime } from "../context.ts";
import { byteSize } from "../numbers.ts";
import { packageVersion } from "../package.ts";
import { table } from "../table.ts";

interface DeviceReport {
  readonly device: Device;
  readonly ok: boolean;
  readonly largestError?: number;
  readonly seconds?: number;
  readonly reason?: string;
}

const packages = ["onnxruntime-node", "onnxruntime-web", "sharp"] as const;

/** Tries each device with a small computation whose result is known. @returns false when the cpu is not among those that work */
export async function doctor(context: Context): Promise<boolean> {
  const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
  const quota = cpuQuota(readText);
  const machine = {
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    quota: Number.isFinite(quota) ? quota : null,
    threads: context.threads ?? availableCores(),
    memoryBytes: totalmem(),
  };
  const devices: DeviceReport[] = [];
  for (const device of ["cpu", "wasm", "webgpu", "cuda"] as const)
    devices.push(await tryDevice(device, context.threads));
  const ok = devices.some((report) => report.device === "cpu" && report.ok);
  const version = packageVersion();
  context.terminal.result(
    { vitrine: version, node: process.versions.node, versions, machine, devices, ok },
    [
      table(
        ["package", "version"],
        [["vitrine", version], ["node", process.versions.node], ...packages.map((name) => [name, versions[name]!])],
      ),
      table(
        ["machine", ""],
        [
          ["platform", machine.platform],
          ["processor", machine.processor],
          ["cores", machine.cores],
          ["limit of the control group", machine.quota === null ? "none" : `${machine.quota} CPUs`],
          ["threads used", machine.threads],
          ["memory", byteSize(machine.memoryBytes)],
        ],
      ),
      table(["device", "works", "numbers"], devices.map(deviceRow)),
      ok ? "All is well: the cpu computes right numbers." : "The cpu does not work: vitrine can compute nothing here.",
    ].join("\n"),
  );
  return ok;
}

function deviceRow({ device, ok, largestError, seconds, reason }: DeviceReport): readonly string[] {
  if (reason !== undefined) return [device, "no", reason];
  return [device, ok ? "yes" : "WRONG", `largest error ${largestError?.toExponential(1)}, ${seconds?.toFixed(2)} s`];
}

async function tryDevice(device: Device, threads: number | undefined): Promise<DeviceReport> {
  const started = performance.now();
  try {
    const { ok, largestError } = await selfCheck(await openRuntime({ device, threads }));
    return { device, ok, largestError, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    const { evidence, next } = error instanceof VitrineError ? error.fields : { evidence: String(error) };
    const text = (evidence ?? String(error)).replaceAll(/\s+/g, " ").trim();
    return { device, ok: false, reason: next === undefined ? text : `${text}; ${next}` };
  }
}

function versionOf(name: string): string {
  try {
    const path = createRequire(import.meta.url).resolve(name);
    const folder = path.slice(0, path.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
    return (JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as { version: string }).version;
  } catch {
    return "not installed";
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
