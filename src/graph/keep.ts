/**
 * Dropout's masks. By WebAssembly, which draws several numbers at once, where the machine has it, else by JavaScript; the numbers are the
 * same.
 */

import { instantiate } from "./instantiate.ts";
import { code } from "./keep-code.ts";
import { type Key, threefry } from "./random.ts";

/**
 * Fills an array with 1 / `keep`, each number with probability `keep`, and with zeros elsewhere.
 *
 * Dropout draws millions at each step, so that a block of bits serves eight: a byte says on which side of `keep` its number falls, unless it
 * is the one byte that `keep` itself falls into; then 24 more bits say it.
 * @param keep in (0, 1]
 */
export function fillKeep(key: Key, data: Float32Array, keep: number): Float32Array {
  return engine ? keepTogether(key, data, keep, engine) : keepPlain(key, data, keep);
}

/** `fillKeep` in JavaScript. */
export function keepPlain(key: Key, data: Float32Array, keep: number): Float32Array {
  const threshold = keep * 256;
  const byByte = Float32Array.from({ length: 256 }, (_, byte) => {
    if (byte + 1 <= threshold) return 1 / keep;
    return byte >= threshold ? 0 : Number.NaN;
  });
  const bits = new Uint32Array(2);
  const blocks = Math.ceil(data.length / 8);
  const whole = data.length === 8 * blocks ? data : new Float32Array(8 * blocks);
  for (let i = 0; i < whole.length; i += 8) {
    threefry(key[0], key[1], 0, i >>> 3, bits);
    const a = bits[0]!;
    const b = bits[1]!;
    let sum = (whole[i] = byByte[a & 255]!);
    sum += whole[i + 1] = byByte[(a >>> 8) & 255]!;
    sum += whole[i + 2] = byByte[(a >>> 16) & 255]!;
    sum += whole[i + 3] = byByte[a >>> 24]!;
    sum += whole[i + 4] = byByte[b & 255]!;
    sum += whole[i + 5] = byByte[(b >>> 8) & 255]!;
    sum += whole[i + 6] = byByte[(b >>> 16) & 255]!;
    sum += whole[i + 7] = byByte[b >>> 24]!;
    if (Number.isNaN(sum)) decide(i);
  }
  if (whole !== data) data.set(whole.subarray(0, data.length));
  return data;

  function decide(start: number): void {
    for (let i = start; i < start + 8; i++) {
      if (!Number.isNaN(whole[i]!)) continue;
      threefry(key[0], key[1], 1, i, bits);
      whole[i] = (bits[0]! >>> 8) / 2 ** 24 < threshold % 1 ? 1 / keep : 0;
    }
  }
}

/** What keep.wat exports; it says what the numbers are. */
interface Engine {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly keep: (...numbers: readonly number[]) => void;
}

const engine = /* @__PURE__ */ instantiate<Engine>(code);

/** Numbers at a time: they stay in the processor's nearest cache until they are copied. */
const piece = 4096;
/** Numbers that the engine draws at least. */
const unit = 128;

function keepTogether(key: Key, data: Float32Array, keep: number, engine: Engine): Float32Array {
  const threshold = keep * 256;
  // There is no byte 256: with a `keep` of 1, all below byte 255 are kept, and all at it.
  const byte = Math.min(255, Math.floor(threshold));
  const cut = Math.ceil((threshold - byte) * 2 ** 24);
  const drawn = new Float32Array(engine.memory.buffer, 0, piece);
  for (let start = 0; start < data.length; start += piece) {
    const length = Math.min(piece, data.length - start);
    engine.keep(key[0], key[1], start, Math.ceil(length / unit), byte, cut, 1 / keep);
    data.set(length < piece ? drawn.subarray(0, length) : drawn, start);
  }
  return data;
}
