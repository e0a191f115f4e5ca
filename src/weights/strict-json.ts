/**
 * JSON as untrusted headers need it: objects become `Map`s (so `__proto__` is a name like any other), a duplicate key is an error,
 * and an integer that a number cannot hold exactly is not rounded. `JSON.parse` does none of the three.
 */

/** A number that is not an exact integer, kept as its text. */
export interface InexactNumber {
  readonly text: string;
}

export type StrictJson = null | boolean | number | string | InexactNumber | StrictJson[] | Map<string, StrictJson>;

/** What is wrong with the text, and where (in UTF-16 units from its start). */
export class JsonProblem extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const depthLimit = 32;
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** All but quote, backslash and the control characters below U+0020. */
const plainCharacters = /[ !#-[\]-\uffff]*/y;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * The value that `text` holds. White space may follow it.
 * @throws {JsonProblem} for text that is not JSON, duplicate keys, or nesting deeper than 32.
 */
export function parseStrictJson(text: string): StrictJson {
  let at = 0;

  const fail = (message: string): never => {
    throw new JsonProblem(message, at);
  };
  const space = (): void => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      at++;
    }
  };
  const expect = (character: string): void => {
    if (text[at] !== character) fail(at < text.length ? `"${character}" expected` : "the text ends early");
    at++;
  };
  const string = (): string => {
    expect('"');
    const start = at;
    let escaped = false;
    for (;;) {
      plainCharacters.lastIndex = at;
      plainCharacters.test(text);
      at = plainCharacters.lastIndex;
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code !== 0x5c) fail(at < text.length ? "a control character in a string" : "a string that does not end");
      escaped = true;
      at += 2;
    }
    const raw = text.slice(start, at++);
    if (!escaped) return raw;
    let value: string;
    try {
      value = JSON.parse(`"${raw}"`) as string;
    } catch {
      return fail("a bad escape in a string");
    }
    return loneSurrogate.test(value) ? fail("half of a surrogate pair in a string") : value;
  };
  const number = (): number | InexactNumber => {
    numberPattern.lastIndex = at;
    const token = numberPattern.exec(text)?.[0] ?? fail("a value expected");
    at += token.length;
    const value = Number(token);
    return /[.eE]/.test(token) || !Number.isSafeInteger(value) || Object.is(value, -0) ? { text: token } : value;
  };
  const word = (text_: string, value: null | boolean): null | boolean => {
    if (!text.startsWith(text_, at)) fail("a value expected");
    at += text_.length;
    return value;
  };
  const array = (depth: number): StrictJson[] => {
    const out: StrictJson[] = [];
    at++;
    space();
    if (text[at] === "]") {
      at++;
      return out;
    }
    for (;;) {
      out.push(value(depth));
      space();
      if (text[at] !== ",") break;
      at++;
    }
    expect("]");
    return out;
  };
  const object = (depth: number): Map<string, StrictJson> => {
    const out = new Map<string, StrictJson>();
    at++;
    space();
    if (text[at] === "}") {
      at++;
      return out;
    }
    for (;;) {
      space();
      const key = string();
      if (out.has(key)) fail(`key "${key}" twice`);
      space();
      expect(":");
      out.set(key, value(depth));
      space();
      if (text[at] !== ",") break;
      at++;
    }
    expect("}");
    return out;
  };
  const value = (depth: number): StrictJson => {
    if (depth > depthLimit) fail(`nesting deeper than ${depthLimit}`);
    space();
    switch (text[at]) {
      case "{":
        return object(depth + 1);
      case "[":
        return array(depth + 1);
      case '"':
        return string();
      case "t":
        return word("true", true);
      case "f":
        return word("false", false);
      case "n":
        return word("null", null);
      default:
        return number();
    }
  };

  const result = value(0);
  space();
  if (at < text.length) fail("text after the value");
  return result;
}
