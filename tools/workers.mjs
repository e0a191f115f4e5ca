/** The scripts of worker threads, each beside the bundle that starts it: esbuild entry points. */
export const workers = {
  "workers/loader": "src/data/loader-worker-node.ts",
  "workers/session": "src/runtime/session-worker-node.ts",
};
