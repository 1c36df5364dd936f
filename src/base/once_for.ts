import type { Dialect } from "./dialect.ts";

/** Returns a function that makes its result at the first call, and returns that one at all others. */
export function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | undefined;
  return () => (made ??= { result: make() }).result;
}

/** Returns a function that makes its result once for each object, and keeps it as long as that object is there. */
export function onceFor<Key extends object, Result>(make: (key: Key) => Result): (key: Key) => Result {
  const made = new WeakMap<Key, { readonly result: Result }>();
  return (key) => {
    const known = made.get(key) ?? { result: make(key) };
    made.set(key, known);
    return known.result;
  };
}

/**
 * Returns a function that makes its result once for each dialect and text, and keeps the last ones: a schema's expressions are
 * read again at each revision. The result is shared, and nobody may change it.
 */
export function onceForText<Result>(make: (text: string, dialect: Dialect) => Result): typeof make {
  const made = new Map<string, { readonly result: Result }>();
  return (text, dialect) => {
    const key = `${dialect} ${text}`;
    const known = made.get(key);
    if (known !== undefined) return known.result;
    const result = make(text, dialect);
    // What is read once only, such as the rows of a dump, pushes the rest out and does not fill the memory.
    if (made.size >= mostTexts) made.clear();
    if (text.length <= longestText) made.set(key, { result });
    return result;
  };
}

const mostTexts = 5_000;
const longestText = 5_000;
