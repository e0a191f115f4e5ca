/** A file of a test's archive; `size` and `type` may lie. */
export interface WrittenFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly size?: number;
  readonly type?: string;
}

/** A ustar archive. */
export function tarOf(files: readonly WrittenFile[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const encoder = new TextEncoder();
  for (const { name, content, size, type = "0" } of files) {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    const header = new Uint8Array(512);
    const put = (text: string, at: number): void => header.set(encoder.encode(text), at);
    put(name, 0);
    put("0000644\0", 100);
    put(`${(size ?? bytes.length).toString(8).padStart(11, "0")}\0`, 124);
    put("        ", 148);
    put(type, 156);
    put("ustar\x0000", 257);
    put(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    parts.push(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  }
  parts.push(new Uint8Array(1024));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
