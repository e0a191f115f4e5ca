/** How many cores this process may really use. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Cores of the machine, or fewer where the container's CPU quota says so; at least 1. */
export function availableCores(read: (path: string) => string | undefined = readText): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota(read))));
}

/**
 * CPUs that the control groups of this process allow, `Infinity` without a limit.
 * @source https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max) and scheduler/sched-bwc (cpu.cfs_quota_us).
 */
export function cpuQuota(read: (path: string) => string | undefined): number {
  const groups = read("/proc/self/cgroup") ?? "";
  let quota = Number.POSITIVE_INFINITY;
  const unified = /^0::(.*)$/m.exec(groups)?.[1];
  if (unified !== undefined)
    for (const path of ancestors(unified)) {
      const [most, period] = (read(`/sys/fs/cgroup${path}/cpu.max`) ?? "max 1").trim().split(/\s+/);
      if (most !== "max") quota = Math.min(quota, Number(most) / Number(period));
    }
  const own = /^\d+:[^:]*\bcpu\b[^:]*:(.*)$/m.exec(groups)?.[1];
  if (own !== undefined)
    for (const path of ancestors(own)) {
      const most = Number(read(`/sys/fs/cgroup/cpu${path}/cpu.cfs_quota_us`) ?? -1);
      const period = Number(read(`/sys/fs/cgroup/cpu${path}/cpu.cfs_period_us`) ?? 100_000);
      if (most > 0) quota = Math.min(quota, most / period);
    }
  return quota;
}

/** `/a/b`, `/a` and the root, as prefixes of file names. */
function ancestors(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    parts
      .slice(0, parts.length - i)
      .map((part) => `/${part}`)
      .join(""),
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
