/** How verbs speak: results on standard output, progress and notes on standard error. */

/** A bar on a terminal, plain lines elsewhere. */
export interface Progress {
  /** @param details shown after the bar: `loss 0.31  accuracy 91.2 %` */
  update(done: number, details: string): void;
  /** A line that stays, above the bar. */
  note(text: string): void;
  stop(): void;
}

/** Standard output and standard error, under `--json` and `--quiet`. */
export class Terminal {
  readonly #json: boolean;
  readonly #quiet: boolean;

  constructor({ json, quiet }: { readonly json: boolean; readonly quiet: boolean }) {
    this.#json = json;
    this.#quiet = quiet;
  }

  /** The result: one JSON document with `--json`, else the text for people. */
  result(document: unknown, text: string): void {
    process.stdout.write(
      this.#json ? `${JSON.stringify(document)}\n` : text.endsWith("\n") || text === "" ? text : `${text}\n`,
    );
  }

  /** A line for people about what is happening. */
  note(text: string): void {
    if (!this.#quiet) process.stderr.write(`${text}\n`);
  }

  /** A line about something that went wrong and does not stop the job; not silenced by `--quiet`. */
  warn(text: string): void {
    process.stderr.write(`vitrine: ${text}\n`);
  }

  /** @param label in front of the bar; @param everySeconds how often a plain line is written where there is no terminal */
  async progress(label: string, total: number, everySeconds = 10): Promise<Progress> {
    if (this.#quiet) return { update: () => {}, note: () => {}, stop: () => {} };
    return process.stderr.isTTY ? barProgress(label, total) : lineProgress(label, total, everySeconds);
  }
}

async function barProgress(label: string, total: number): Promise<Progress> {
  const { Presets, SingleBar } = await import("cli-progress");
  const bar = new SingleBar(
    {
      format: `${label} {bar} {value}/{total}  {details}`,
      stream: process.stderr,
      hideCursor: true,
      fps: 10,
      barsize: 24,
      forceRedraw: true,
      // Ctrl-C is heard by the verb, which stops the bar itself.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { details: "" });
  return {
    update: (done, details) => bar.update(done, { details }),
    note: (text) => {
      process.stderr.write(`\r\x1b[K${text}\n`);
    },
    stop: () => bar.stop(),
  };
}

function lineProgress(label: string, total: number, everySeconds: number): Progress {
  let last = performance.now();
  return {
    update: (done, details) => {
      const now = performance.now();
      if (now - last < everySeconds * 1000) return;
      last = now;
      process.stderr.write(`${label} ${done}/${total}  ${details}\n`);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
    stop: () => {},
  };
}
