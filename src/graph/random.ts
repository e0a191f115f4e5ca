/**
 * Counter-based random numbers: every number is a pure function of (key, counter), so runs repeat, resume and agree between Node and browser.
 *
 * Threefry-2x32 with 20 rounds, Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), the generator that JAX uses.
 */

/** 64 bits that name a stream of random numbers. */
export type Key = readonly [number, number];

/** Random numbers drawn one after the other from one key. */
export interface RandomStream {
  /** Uniform in [0, 1), 24 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
}

/** The key of a seed; only the lower 53 bits of the seed count. */
export function keyOf(seed: number): Key {
  return [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0];
}

/** A key derived from another by a path: epochs, steps and indices as numbers, sites as names. */
export function foldIn(key: Key, ...path: readonly (number | string)[]): Key {
  const out = new Uint32Array(2);
  let [a, b] = key;
  for (const part of path) {
    if (typeof part === "number") threefry(a, b, Math.floor(part / 2 ** 32) >>> 0, part >>> 0, out);
    else threefry(a, b, 0x9e3779b9, hashText(part), out);
    a = out[0]!;
    b = out[1]!;
  }
  return [a, b];
}

/** The stream of random numbers of (seed, path). */
export function stream(seed: number | Key, ...path: readonly (number | string)[]): RandomStream {
  const [a, b] = foldIn(typeof seed === "number" ? keyOf(seed) : seed, ...path);
  const out = new Uint32Array(2);
  let counter = 0;
  let spare = Number.NaN;
  const next = (): number => {
    if (counter % 2 === 0) threefry(a, b, Math.floor(counter / 2 ** 33) >>> 0, (counter / 2) >>> 0, out);
    return out[counter++ % 2]!;
  };
  const uniform = (): number => (next() >>> 8) / 2 ** 24;
  return {
    uniform,
    normal() {
      if (!Number.isNaN(spare)) {
        const value = spare;
        spare = Number.NaN;
        return value;
      }
      const [z0, z1] = boxMuller(next(), next());
      spare = z1;
      return z0;
    },
    integer: (below) => Math.min(below - 1, Math.floor(((next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53) * below)),
  };
}

/** Fills an array with uniform numbers in [low, high). */
export function fillUniform(key: Key, data: Float32Array, low = 0, high = 1): Float32Array {
  const bits = new Uint32Array(2);
  for (let i = 0; i < data.length; i += 2) {
    threefry(key[0], key[1], 0, i >>> 1, bits);
    data[i] = low + ((bits[0]! >>> 8) / 2 ** 24) * (high - low);
    if (i + 1 < data.length) data[i + 1] = low + ((bits[1]! >>> 8) / 2 ** 24) * (high - low);
  }
  return data;
}

/** Fills an array with normal numbers of the given mean and standard deviation (Box–Muller). */
export function fillNormal(key: Key, data: Float32Array, mean = 0, std = 1): Float32Array {
  const bits = new Uint32Array(2);
  for (let i = 0; i < data.length; i += 2) {
    threefry(key[0], key[1], 0, i >>> 1, bits);
    const [z0, z1] = boxMuller(bits[0]!, bits[1]!);
    data[i] = mean + std * z0;
    if (i + 1 < data.length) data[i + 1] = mean + std * z1;
  }
  return data;
}

/** Fills an array with normal numbers cut off at `low` and `high` standard deviations, by drawing again. */
export function fillTruncatedNormal(key: Key, data: Float32Array, std: number, low = -2, high = 2): Float32Array {
  const normals = stream(key);
  for (let i = 0; i < data.length; i++) {
    let z = normals.normal();
    while (z < low || z > high) z = normals.normal();
    data[i] = std * z;
  }
  return data;
}

/** A permutation of 0 … length − 1 (Fisher–Yates). */
export function permutation(key: Key, length: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const random = stream(key);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function boxMuller(a: number, b: number): readonly [number, number] {
  const radius = Math.sqrt(-2 * Math.log((a + 1) / (2 ** 32 + 1)));
  const angle = (2 * Math.PI * b) / 2 ** 32;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function turned(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** One block: (key, counter) → 64 random bits in `out`. Written out, since closures over `x` and `y` take ten times as long. */
export function threefry(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  const key2 = 0x1bd11bda ^ key0 ^ key1;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  x = (x + y) | 0;
  y = turned(y, 13) ^ x;
  x = (x + y) | 0;
  y = turned(y, 15) ^ x;
  x = (x + y) | 0;
  y = turned(y, 26) ^ x;
  x = (x + y) | 0;
  y = turned(y, 6) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 1) | 0;
  x = (x + y) | 0;
  y = turned(y, 17) ^ x;
  x = (x + y) | 0;
  y = turned(y, 29) ^ x;
  x = (x + y) | 0;
  y = turned(y, 16) ^ x;
  x = (x + y) | 0;
  y = turned(y, 24) ^ x;
  x = (x + key2) | 0;
  y = (y + key0 + 2) | 0;
  x = (x + y) | 0;
  y = turned(y, 13) ^ x;
  x = (x + y) | 0;
  y = turned(y, 15) ^ x;
  x = (x + y) | 0;
  y = turned(y, 26) ^ x;
  x = (x + y) | 0;
  y = turned(y, 6) ^ x;
  x = (x + key0) | 0;
  y = (y + key1 + 3) | 0;
  x = (x + y) | 0;
  y = turned(y, 17) ^ x;
  x = (x + y) | 0;
  y = turned(y, 29) ^ x;
  x = (x + y) | 0;
  y = turned(y, 16) ^ x;
  x = (x + y) | 0;
  y = turned(y, 24) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 4) | 0;
  x = (x + y) | 0;
  y = turned(y, 13) ^ x;
  x = (x + y) | 0;
  y = turned(y, 15) ^ x;
  x = (x + y) | 0;
  y = turned(y, 26) ^ x;
  x = (x + y) | 0;
  y = turned(y, 6) ^ x;
  out[0] = (x + key2) | 0;
  out[1] = (y + key0 + 5) | 0;
}
