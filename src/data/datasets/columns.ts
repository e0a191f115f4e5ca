/** Which column of a table means what, by the names that people give them. */

/** Names of the column with the image or its path, the likeliest first. */
export const imageColumns: readonly string[] = [
  "image",
  "img",
  "file_name",
  "filename",
  "file",
  "path",
  "image_path",
  "filepath",
  "file_path",
];

/** Names of the column with the class, the likeliest first. */
export const labelColumns: readonly string[] = [
  "label",
  "labels",
  "class",
  "class_name",
  "category",
  "target",
  "cls",
  "fine_label",
  "label_name",
];

/** Name of the column with the split. */
export const splitColumns: readonly string[] = ["split", "subset"];

/** The column that has one of the `wanted` names, in whatever case, as the table writes it. */
export function pickColumn(columns: readonly string[], wanted: readonly string[]): string | undefined {
  for (const name of wanted) {
    const found = columns.find((column) => column.trim().toLowerCase() === name);
    if (found !== undefined) return found;
  }
  return undefined;
}
