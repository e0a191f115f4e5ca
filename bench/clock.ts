/** Time that passes, or, with `CLOCK=processor` where other jobs share the machine, time of the processor; in seconds. */
export function seconds(): number {
  if (process.env.CLOCK !== "processor") return performance.now() / 1000;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
