/**
 * Every error that vitrine throws on purpose: a code, typed fields, and the text made from them last.
 *
 * A message says rule, evidence, place and next step, in this order:
 * `matmul: inner sizes must be equal, got [b, 197, 768] · [512, 768] in blocks.3.attn.proj`.
 */

/** The fields that all codes share; a code's own facts go into `evidence`. */
export interface ErrorFields {
  /** What must hold, in words (`inner sizes must be equal`). */
  readonly rule: string;
  /** What was found instead (`got [b, 197, 768] · [512, 768]`). */
  readonly evidence?: string | undefined;
  /** Where: an operator, module path, file name with byte offset, or option. */
  readonly place?: string | undefined;
  /** What the user can do now. */
  readonly next?: string | undefined;
  /** All of what `evidence` shows the beginning of, for programs; of plain data. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** The error that led here, if any. */
  readonly cause?: unknown;
}

/** What kind of thing went wrong; stable, for programs. The value says when the code is used. */
export const errorCodes = {
  SHAPE_MISMATCH: "sizes or ranks that an operator, layer or input cannot accept",
  DTYPE_MISMATCH: "an element type that an operator or file cannot accept",
  INVALID_ARGUMENT: "an option or argument outside its allowed values",
  NO_GRADIENT: "a gradient asked of an operator that has none, or of a value the loss does not depend on",
  UNSUPPORTED_OPERATOR: "an ONNX operator, attribute or opset outside the closed union",
  NOT_AVAILABLE: "a runtime, device or optional package that this machine does not have",
  RUNTIME_FAILURE: "the engine refused or failed to run a graph",
  INVALID_FILE: "a file that breaks a rule of its format",
  UNSAFE_FILE: "a file that asks for something this program never does (code, other paths, huge sizes)",
  WEIGHTS_MISMATCH: "weights whose names or shapes are not the model's",
  UNKNOWN_NAME: "a model, data set, method or tap that does not exist",
  NOT_FOUND: "a file, folder or hub entry that is not there",
  DATA_PROBLEM: "a data set that cannot be used as asked (one class, no images, bad files under --strict)",
  OUTPUT_CONFLICT: "a result would overwrite another run's result",
  STORAGE_FAILURE: "writing failed (disk full, read-only, permissions)",
  DOWNLOAD_FAILURE: "a download that failed, was cut off, or arrived with the wrong checksum",
  INTERRUPTED: "stopped on request",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The one error class: `code` for programs, `message` for people. */
export class VitrineError extends Error {
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(code: ErrorCode, fields: ErrorFields) {
    super(errorText(fields), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "VitrineError";
    this.code = code;
    this.fields = fields;
  }
}

function errorText({ rule, evidence, place, next }: ErrorFields): string {
  return rule + (evidence ? `, ${evidence}` : "") + (place ? ` in ${place}` : "") + (next ? `; ${next}` : "");
}
