/**
 * Python's pickle, restricted to data. The stack machine builds null, booleans, numbers, strings, bytes, lists, tuples and `Map`s;
 * a global name becomes a `PickleName`, a tag that nothing calls, and only the reader's own table says what a tag applied to
 * arguments means. Every other opcode, name or use of one is an error.
 *
 * Opcodes: Python's `Lib/pickletools.py`; which of them a weights file needs: PyTorch's `torch/_weights_only_unpickler.py`.
 */

import { VitrineError } from "../errors.ts";

/** A global of the pickle, `module name`; stands for itself only. */
export class PickleName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A tuple, told apart from a list. */
export class PickleTuple<E> {
  readonly items: readonly Pickled<E>[];
  constructor(items: readonly Pickled<E>[]) {
    this.items = items;
  }
}

/** What a pickle can hold; `E` are the reader's own descriptors. Integers beyond 2^53 are bigints. */
export type Pickled<E> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleName
  | PickleTuple<E>
  | E
  | Pickled<E>[]
  | Map<Pickled<E>, Pickled<E>>;

/** What the names and persistent ids of one kind of file mean. Each function returns undefined to refuse. */
export interface PickleVocabulary<E extends object> {
  /** `module name` of every global that may appear. */
  readonly names: ReadonlySet<string>;
  /** The value of a name applied to arguments. */
  apply(name: string, args: readonly Pickled<E>[]): Pickled<E> | undefined;
  /** The value behind a persistent id. */
  persistent(id: Pickled<E>): E | undefined;
}

/** What a pickle may cost, whatever it says. */
export const pickleLimits = { bytes: 64_000_000, stack: 1_000_000, memo: 1_000_000, longBytes: 1024, nameBytes: 256 };

/**
 * The one value of a pickle of protocol 2 to 5.
 * @throws {VitrineError} INVALID_FILE for a broken pickle, UNSAFE_FILE for names, opcodes and sizes that weights never need.
 */
export function unpickle<E extends object>(
  bytes: Uint8Array,
  vocabulary: PickleVocabulary<E>,
  place: string,
): Pickled<E> {
  type Value = Pickled<E>;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const latin1 = (from: Uint8Array) => String.fromCharCode(...from);
  const stack: Value[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Value>();
  let at = 0;
  let opcodeAt = 0;

  const where = () => `${place}, pickle byte ${opcodeAt}`;
  const invalid: (rule: string, evidence?: string) => never = (rule, evidence) => {
    const next = "the file is damaged or no weights file; get it again";
    throw new VitrineError("INVALID_FILE", { rule: `pickle: ${rule}`, evidence, place: where(), next });
  };
  const unsafe: (rule: string, evidence?: string) => never = (rule, evidence) => {
    const next = "save the weights alone (a state dict), or as safetensors";
    throw new VitrineError("UNSAFE_FILE", { rule: `pickle: ${rule}`, evidence, place: where(), next });
  };
  const describe = (value: Value): string =>
    value instanceof PickleName
      ? value.name
      : value === null
        ? "None"
        : Array.isArray(value)
          ? "a list"
          : value instanceof Map
            ? "a dict"
            : value instanceof PickleTuple
              ? "a tuple"
              : typeof value;

  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) invalid("it must not end early", `needs ${length} bytes at ${at}`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const skip = (length: number): number => {
    take(length);
    return at - length;
  };
  const u8 = () => view.getUint8(skip(1));
  const u16 = () => view.getUint16(skip(2), true);
  const i32 = () => view.getInt32(skip(4), true);
  const u32 = () => view.getUint32(skip(4), true);
  const u64 = () => Number(view.getBigUint64(skip(8), true));
  const text = (from: Uint8Array): string => {
    try {
      return utf8.decode(from);
    } catch {
      return invalid("strings must be UTF-8");
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0 || end - at > pickleLimits.nameBytes) invalid("a name must end within its line");
    return text(take(end + 1 - at).subarray(0, -1));
  };
  const long = (length: number): number | bigint => {
    if (length > pickleLimits.longBytes) unsafe(`an integer may have ${pickleLimits.longBytes} bytes`, `got ${length}`);
    let value = 0n;
    const digits = take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  };

  const push = (value: Value): void => {
    if (stack.length >= pickleLimits.stack) unsafe(`the stack may hold ${pickleLimits.stack} values`);
    stack.push(value);
  };
  const pop = (): Value => {
    if (stack.length <= (marks.at(-1) ?? 0)) invalid("the stack must hold what an opcode takes");
    return stack.pop() as Value;
  };
  const top = (): Value => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const popMark = (): Value[] => stack.splice(marks.pop() ?? invalid("a mark must come before its use"));
  const remember = (index: number): void => {
    const value = top();
    if (memo.size >= pickleLimits.memo) unsafe(`the memo may hold ${pickleLimits.memo} values`);
    memo.set(index, value);
  };
  const recall = (index: number): void => {
    if (!memo.has(index)) invalid("the memo must hold what is taken from it", `no entry ${index}`);
    push(memo.get(index) as Value);
  };
  const name = (module: Value, leaf: Value): void => {
    const full = typeof module === "string" && typeof leaf === "string" ? `${module} ${leaf}` : "no name";
    if (!vocabulary.names.has(full)) unsafe("only names that weights need are known", `got "${full}"`);
    push(new PickleName(full));
  };
  const apply = (callee: Value, args: Value): void => {
    if (!(callee instanceof PickleName)) unsafe("only a known name can be applied", `got ${describe(callee)}`);
    if (!(args instanceof PickleTuple)) invalid("arguments must be a tuple", `got ${describe(args)}`);
    const value = vocabulary.apply(callee.name, args.items);
    if (value === undefined)
      unsafe("a name can be applied only as weights files do", `${callee.name} of ${args.items.map(describe)}`);
    push(value as Value);
  };
  const setItems = (items: readonly Value[]): void => {
    const target = top();
    if (!(target instanceof Map)) unsafe("items can be set in a dict only", `got ${describe(target)}`);
    if (items.length % 2) invalid("dict items must come in pairs");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i] as Value;
      if (typeof key === "object" && key !== null)
        unsafe("a dict key must be a string or a number", `got ${describe(key)}`);
      if (target.has(key)) invalid("a dict key must be unique", String(key));
      target.set(key, items[i + 1] as Value);
    }
  };
  const append = (items: readonly Value[]): void => {
    const target = top();
    if (!Array.isArray(target)) unsafe("values can be appended to a list only", `got ${describe(target)}`);
    for (const item of items) target.push(item);
  };
  const build = (): void => {
    const state = pop();
    // An OrderedDict carries attributes of its own (`_metadata` of a state dict): no weights, so nothing to keep.
    if (!(top() instanceof Map) || !(state instanceof Map))
      unsafe("attributes can be set on a dict only", describe(top()));
  };
  const tuple = (size: number): void => {
    const items = new Array<Value>(size);
    for (let i = size - 1; i >= 0; i--) items[i] = pop();
    push(new PickleTuple(items));
  };

  if (bytes.length > pickleLimits.bytes) unsafe(`a pickle may have ${pickleLimits.bytes} bytes`, `got ${bytes.length}`);
  if (bytes[0] !== 0x80) invalid("it must begin with its protocol");
  for (;;) {
    opcodeAt = at;
    const opcode = u8();
    switch (String.fromCharCode(opcode)) {
      case "\x80": {
        // PROTO
        const protocol = u8();
        if (opcodeAt !== 0 || protocol < 2 || protocol > 5)
          invalid("the protocol must be 2 to 5, said once", `got ${protocol}`);
        break;
      }
      case "\x95": // FRAME
        u64();
        break;
      case ".": {
        // STOP
        const value = pop();
        if (stack.length > 0 || marks.length > 0)
          invalid("one value must be left at the end", `got ${stack.length + 1}`);
        return value;
      }
      case "(": // MARK
        if (marks.length >= pickleLimits.stack) unsafe(`the stack may hold ${pickleLimits.stack} marks`);
        marks.push(stack.length);
        break;
      case "N":
        push(null);
        break;
      case "\x88":
        push(true);
        break;
      case "\x89":
        push(false);
        break;
      case "J": // BININT
        push(i32());
        break;
      case "K": // BININT1
        push(u8());
        break;
      case "M": // BININT2
        push(u16());
        break;
      case "\x8a": // LONG1
        push(long(u8()));
        break;
      case "\x8b": // LONG4
        push(long(u32()));
        break;
      case "G": // BINFLOAT
        push(view.getFloat64(skip(8), false));
        break;
      case "X": // BINUNICODE
        push(text(take(u32())));
        break;
      case "\x8c": // SHORT_BINUNICODE
        push(text(take(u8())));
        break;
      case "\x8d": // BINUNICODE8
        push(text(take(u64())));
        break;
      case "U": // SHORT_BINSTRING, from Python 2
        push(latin1(take(u8())));
        break;
      case "C": // SHORT_BINBYTES
        push(take(u8()).slice());
        break;
      case "B": // BINBYTES
        push(take(u32()).slice());
        break;
      case "\x8e": // BINBYTES8
        push(take(u64()).slice());
        break;
      case "]":
        push([]);
        break;
      case "a": {
        // APPEND
        const item = pop();
        append([item]);
        break;
      }
      case "e": // APPENDS
        append(popMark());
        break;
      case ")":
        push(new PickleTuple([]));
        break;
      case "t": // TUPLE
        push(new PickleTuple(popMark()));
        break;
      case "\x85":
        tuple(1);
        break;
      case "\x86":
        tuple(2);
        break;
      case "\x87":
        tuple(3);
        break;
      case "}":
        push(new Map());
        break;
      case "s": {
        // SETITEM
        const item = pop();
        const key = pop();
        setItems([key, item]);
        break;
      }
      case "u": // SETITEMS
        setItems(popMark());
        break;
      case "c": // GLOBAL
        name(line(), line());
        break;
      case "\x93": {
        // STACK_GLOBAL
        const leaf = pop();
        name(pop(), leaf);
        break;
      }
      case "R": // REDUCE
      case "\x81": {
        // NEWOBJ
        const args = pop();
        apply(pop(), args);
        break;
      }
      case "b": // BUILD
        build();
        break;
      case "Q": // BINPERSID
        push(vocabulary.persistent(pop()) ?? unsafe("a persistent id must name a storage"));
        break;
      case "q": // BINPUT
        remember(u8());
        break;
      case "r": // LONG_BINPUT
        remember(u32());
        break;
      case "\x94": // MEMOIZE
        remember(memo.size);
        break;
      case "h": // BINGET
        recall(u8());
        break;
      case "j": // LONG_BINGET
        recall(u32());
        break;
      default:
        unsafe("only opcodes that weights need are known", `got 0x${opcode.toString(16).padStart(2, "0")}`);
    }
  }
}
