/** The fields of a JSON object, read by what they have to be. */
export interface JsonFields {
  /** Where the object stands in its document: `tables.files`. */
  readonly path: string;
  /** Returns any value, `undefined` when the field is absent. */
  value(name: string): unknown;
  text(name: string): string;
  /** Returns `fallback` when the field is absent. */
  flag(name: string, fallback: boolean): boolean;
  /** Returns a list as it is. */
  list(name: string): readonly unknown[];
  /** Returns the objects in an object, by its order; none when the field is absent. */
  objects(name: string): readonly JsonFields[];
}

/** Makes the error for a field that is not what it has to be. */
export type WrongField = (path: string, state: string) => Error;

/**
 * Returns the fields of `json`, which stands at `path` of its document.
 *
 * @throws what `wrong` makes, here and from every method, when something is not what it has to be
 */
export function jsonFields(json: unknown, path: string, wrong: WrongField): JsonFields {
  if (!isObject(json)) throw wrong(path, "is no object");
  const at = (name: string) => path === "" ? name : `${path}.${name}`;
  return {
    path,
    value: (name) => json[name],
    text(name) {
      const value = json[name];
      if (typeof value !== "string") throw wrong(at(name), "is no text");
      return value;
    },
    flag(name, fallback) {
      const value = json[name] ?? fallback;
      if (typeof value !== "boolean") throw wrong(at(name), "is neither true nor false");
      return value;
    },
    list(name) {
      const value = json[name];
      if (!Array.isArray(value)) throw wrong(at(name), "is no list");
      return value;
    },
    objects(name) {
      const value = json[name] ?? {};
      if (!isObject(value)) throw wrong(at(name), "is no object");
      return Object.entries(value).map(([key, item]) => jsonFields(item, `${at(name)}.${key}`, wrong));
    },
  };
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
