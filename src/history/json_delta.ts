import { isRecord } from "../base/json_schema.ts";

/** What makes one JSON value of another. */
export type JsonDelta =
  /** It is another value altogether. */
  | { readonly to: unknown }
  | {
    /** Members that go. */
    readonly gone?: readonly string[];
    /** Members that change within. */
    readonly in?: Readonly<Record<string, JsonDelta>>;
    /** Members that come, behind those that stay. */
    readonly new?: Readonly<Record<string, unknown>>;
  }
  /** Of a list: from a place on, so many items go and others come. */
  | { readonly at: number; readonly drop: number; readonly put: readonly unknown[] };

/**
 * Returns what makes a JSON value of another, so that {@link applyDelta} gives it back with its members in their order. A
 * large schema of which a revision changes one table takes no more room than that table.
 */
export function deltaOf(from: unknown, to: unknown): JsonDelta {
  if (Array.isArray(from) && Array.isArray(to)) return listDelta(from, to);
  if (!isRecord(from) || !isRecord(to)) return { to };
  const gone = Object.keys(from).filter((key) => !Object.hasOwn(to, key));
  const changed: Record<string, JsonDelta> = {};
  const fresh: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(to)) {
    if (!Object.hasOwn(from, key)) set(fresh, key, value);
    else if (JSON.stringify(from[key]) !== JSON.stringify(value)) {
      set(changed, key, deltaOf(from[key], value));
    }
  }
  const delta = {
    ...gone.length > 0 ? { gone } : {},
    ...Object.keys(changed).length > 0 ? { in: changed } : {},
    ...Object.keys(fresh).length > 0 ? { new: fresh } : {},
  };
  // The order of columns is part of a schema.
  return JSON.stringify(applyDelta(from, delta)) === JSON.stringify(to) ? delta : { to };
}

/** Returns what a delta makes of a value. */
export function applyDelta(from: unknown, delta: JsonDelta): unknown {
  if ("to" in delta) return delta.to;
  if ("at" in delta) return Array.isArray(from) ? from.toSpliced(delta.at, delta.drop, ...delta.put) : from;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(isRecord(from) ? from : {})) {
    if (delta.gone?.includes(key)) continue;
    const change = delta.in !== undefined && Object.hasOwn(delta.in, key) ? delta.in[key] : undefined;
    set(result, key, change === undefined ? value : applyDelta(value, change));
  }
  for (const [key, value] of Object.entries(delta.new ?? {})) set(result, key, value);
  return result;
}

function listDelta(from: readonly unknown[], to: readonly unknown[]): JsonDelta {
  const [before, after] = [from, to].map((list) => list.map((item) => JSON.stringify(item)));
  const shorter = Math.min(from.length, to.length);
  let at = 0;
  while (at < shorter && before![at] === after![at]) at++;
  let same = 0;
  while (same < shorter - at && before!.at(-1 - same) === after!.at(-1 - same)) same++;
  return { at, drop: from.length - at - same, put: to.slice(at, to.length - same) };
}

/** A member called `__proto__` is one like any other. */
function set(record: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}
