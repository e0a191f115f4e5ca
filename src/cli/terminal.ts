/** How verbs speak: results on standard output, progress and notes on standard error. */

/** A bar on a terminal, plain lines elsewhere. */
export interface Progress {
  /**
   * @param details shown after the bar: `loss 0.31  accuracy 91.2 %`
   * @param total where it was not known before
   */
  update(done: number, details: string, total?: number): void;
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
  const { SingleBar } = await import("cli-progress");
  const bar = new SingleBar({
    format: (_, { value, total }, { details }: { readonly details: string }) =>
      progressLine({ label, done: value, total, details, columns: process.stderr.columns ?? 80 }),
    stream: process.stderr,
    hideCursor: true,
    fps: 10,
    forceRedraw: true,
    // Ctrl-C is heard by the verb, which stops the bar itself.
    gracefulExit: false,
  });
  bar.start(total, 0, { details: "" });
  // Whatever ends the process: the cursor is shown and lines are wrapped again.
  const restore = (): void => {
    process.stderr.write("\x1b[?25h\x1b[?7h");
  };
  process.once("exit", restore);
  return {
    update: (done, details, known) => {
      if (known !== undefined) bar.setTotal(known);
      bar.update(done, { details });
    },
    note: (text) => {
      process.stderr.write(`\r\x1b[K${text}\n`);
    },
    stop: () => {
      bar.stop();
      process.off("exit", restore);
    },
  };
}

/** What one line of progress says. */
export interface ProgressLine {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** Parts with two spaces between them, the most wanted last. */
  readonly details: string;
  readonly columns: number;
}

/** Widest and narrowest bar, in characters. */
const [widestBar, narrowestBar] = [24, 8];

/** A bar with its details, as much as fits into the columns: the bar is the first to go, then curves, then details from left to right. */
export function progressLine({ label, done, total, details, columns }: ProgressLine): string {
  const count = `${done}/${total}`;
  const join = (parts: readonly string[]): string => [`${label} ${count}`, ...parts].join("  ");
  const fits = (text: string): boolean => [...text].length < columns;
  const parts = details === "" ? [] : details.split("  ");
  const plain = join(parts);
  const room = Math.min(widestBar, columns - 2 - [...plain].length);
  if (room >= narrowestBar) {
    const filled = total > 0 ? Math.round((room * Math.min(done, total)) / total) : 0;
    return plain.replace(`${label} `, () => `${label} ${"█".repeat(filled)}${"░".repeat(room - filled)} `);
  }
  if (fits(plain)) return plain;
  let left: readonly string[] = parts.map((part) => part.replace(/[▁-█]+ /, ""));
  // The last two, speed and time left, stay longest.
  while (left.length > 0 && !fits(join(left))) left = left.toSpliced(Math.max(0, left.length - 3), 1);
  return join(left);
}

function lineProgress(label: string, total: number, everySeconds: number): Progress {
  let last = performance.now();
  return {
    update: (done, details, known = total) => {
      const now = performance.now();
      if (now - last < everySeconds * 1000) return;
      last = now;
      process.stderr.write(`${[`${label} ${done}/${known}`, ...(details === "" ? [] : [details])].join("  ")}\n`);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
    stop: () => {},
  };
}
