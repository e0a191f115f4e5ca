/** A letter for each byte, so that bytes can be written where pieces are texts. */

/**
 * Letters of the bytes 0 to 255: printable ones stand for themselves, the others for U+0100 and on.
 * @source openai/gpt-2, src/encoder.py, bytes_to_unicode
 */
export function byteLetters(): readonly string[] {
  const printable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let other = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : other++));
}
