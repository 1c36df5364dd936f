import * as v from "valibot";
import { messageOf } from "./errors.ts";

/** Makes the error for what is not as it has to be: where it stands (`tables.0.rows`, "" for the whole) and its state. */
export type WrongJson = (path: string, state: string) => Error;

/**
 * Returns the value of a JSON text.
 *
 * @throws what `wrong` makes when it is no JSON
 */
export function parseJson(text: string, wrong: WrongJson): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong("", `is no JSON (${messageOf(error)})`);
  }
}

/**
 * Returns what a schema makes of a JSON value.
 *
 * @throws what `wrong` makes of the first thing that does not fit
 */
export function readAs<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  wrong: WrongJson,
): v.InferOutput<Schema> {
  const read = v.safeParse(schema, json, { abortEarly: true, message: stateOf });
  if (read.success) return read.output;
  const [issue] = read.issues;
  throw wrong(v.getDotPath(issue) ?? "", issue.message);
}

/** A list that nobody changes. */
export function listOf<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item), v.readonly());
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  return v.picklist(words, `is none of ${words.join(", ")}`);
}

/** An object whose fields may have any name. Valibot's own would pass over a column that is called "constructor". */
export function recordOf<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(
    v.custom<Readonly<Record<string, v.InferOutput<Item>>>>((json) => isRecord(json), "is no object"),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        const read = v.safeParse(item, value, { abortEarly: true, message: stateOf });
        if (read.success) continue;
        const [{ message, path = [] }] = read.issues;
        const place = { type: "object", origin: "value", input: dataset.value, key, value } as const;
        return addIssue({ message, path: [place, ...path] });
      }
    }),
  );
}

/** Says whether a JSON value is an object. */
export function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

const states: Readonly<Record<string, string>> = {
  string: "is no text",
  number: "is no number",
  boolean: "is neither true nor false",
  array: "is no list",
  object: "is no object",
  loose_object: "is no object",
  strict_object: "is no object",
};

function stateOf({ type, received, expected }: v.BaseIssue<unknown>): string {
  // A field of an object that has no such field.
  if (expected === "never") return "is no field that is known here";
  return received === "undefined" ? "is missing" : states[type] ?? "is not what it has to be";
}

/** A file of the history, parsed. */
export interface JsonFile {
  /** As shown in messages. */
  readonly path: string;
  readonly json: unknown;
  /** Of a snapshot: whether a schema that it names is the host's. */
  readonly isHost?: (schema: string) => boolean;
}
