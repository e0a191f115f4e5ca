/** Tables as text: CSV (RFC 4180), TSV, and JSON lines. */

import { VitrineError } from "../../errors.ts";

/** One row, with the number of the line where it begins, from 1. */
export interface TableRow {
  readonly line: number;
  /** What stands in a column; undefined where there is nothing. */
  cell(column: string): string | undefined;
}

/** A table: its columns, and its rows one by one. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: Iterable<TableRow>;
}

/** How a table is written. */
export type TableFormat = "csv" | "tsv" | "jsonl";

/**
 * Reads a table. Blank lines are passed over. The columns of JSON lines are those of the first row; numbers become texts.
 * @throws {VitrineError} INVALID_FILE, naming the line, when it is empty, a column comes twice, a row has more cells than there are columns, quotes do not end,
 * or a line is no JSON object.
 */
export function parseTable(text: string, format: TableFormat, place: string): Table {
  const content = text.startsWith("\u{feff}") ? text.slice(1) : text;
  const table =
    format === "jsonl" ? jsonLines(content, place) : separated(content, format === "csv" ? "," : "\t", place);
  const twice = table.columns.find((column, index) => table.columns.indexOf(column) !== index);
  if (twice !== undefined)
    throw wrong("the columns of a table must have different names", `${twice} comes twice`, 1, place);
  return table;
}

function wrong(rule: string, evidence: string, line: number, place: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule, evidence: `${evidence} at line ${line}`, place });
}

function separated(text: string, separator: string, place: string): Table {
  const all = records(text, separator, place);
  const first = all.next();
  if (first.done) throw wrong("a table must have a row of column names", "it is empty", 1, place);
  const columns = first.value.cells.map((name) => name.trim());
  const rows = function* (): Generator<TableRow, void, undefined> {
    for (const { line, cells } of all) {
      if (cells.length > columns.length)
        throw wrong(`a row must have at most ${columns.length} cells`, `got ${cells.length}`, line, place);
      yield { line, cell: (column) => cells[columns.indexOf(column)]?.trim() || undefined };
    }
  };
  return { columns, rows: rows() };
}

/** Cells of the rows that are not blank; a cell in quotes may hold separators, ends of line and doubled quotes. */
function* records(
  text: string,
  separator: string,
  place: string,
): Generator<{ readonly line: number; readonly cells: readonly string[] }, void, undefined> {
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const begun = line;
    const cells: string[] = [];
    for (;;) {
      let cell = "";
      // Only CSV has quotes; in a path of TSV they are themselves.
      if (separator === "," && text[at] === '"') {
        for (at++; ; at++) {
          const quote = text.indexOf('"', at);
          if (quote < 0) throw wrong("a quote in a table must end", "one does not that begins", begun, place);
          cell += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          cell += '"';
        }
        line += cell.split("\n").length - 1;
      }
      let end = at;
      while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end++;
      cells.push(cell + text.slice(at, end));
      at = end;
      if (text[at] !== separator) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    line++;
    if (cells.length > 1 || cells[0]!.trim() !== "") yield { line: begun, cells };
  }
}

function jsonLines(text: string, place: string): Table {
  const all = jsonRows(text, place);
  const first = all.next();
  if (first.done) throw wrong("a table must have a row", "it is empty", 1, place);
  const columns = Object.keys(first.value.row);
  const rowOf = ({
    line,
    row,
  }: {
    readonly line: number;
    readonly row: Readonly<Record<string, unknown>>;
  }): TableRow => ({
    line,
    cell: (column) => {
      const value = Object.hasOwn(row, column) ? row[column] : undefined;
      if (typeof value === "number") return String(value);
      return typeof value === "string" ? value.trim() || undefined : undefined;
    },
  });
  const rows = function* (): Generator<TableRow, void, undefined> {
    yield rowOf(first.value);
    for (const next of all) yield rowOf(next);
  };
  return { columns, rows: rows() };
}

/** The lines of JSON lines, each an object, with their numbers. @throws {VitrineError} INVALID_FILE */
export function* jsonRows(
  text: string,
  place: string,
): Generator<{ readonly line: number; readonly row: Readonly<Record<string, unknown>> }, void, undefined> {
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const piece = text.slice(at, end).trim();
    at = end + 1;
    line++;
    if (piece === "") continue;
    let row: unknown;
    try {
      row = JSON.parse(piece);
    } catch (error) {
      throw wrong("each line must be a JSON object", (error as Error).message, line, place);
    }
    if (typeof row !== "object" || row === null || Array.isArray(row))
      throw wrong("each line must be a JSON object", `got ${piece.slice(0, 40)}`, line, place);
    yield { line, row: row as Readonly<Record<string, unknown>> };
  }
}
