import { isRecord } from "../../base/json_schema.ts";

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
    else if (!isSame(from[key], value)) set(changed, key, deltaOf(from[key], value));
  }
  const stays = Object.keys(from).filter((key) => !gone.includes(key));
  // The order of columns is part of a schema.
  if (!isSame([...stays, ...Object.keys(fresh)], Object.keys(to))) return { to };
  return {
    ...gone.length > 0 ? { gone } : {},
    ...Object.keys(changed).length > 0 ? { in: changed } : {},
    ...Object.keys(fresh).length > 0 ? { new: fresh } : {},
  };
}

/** Says whether two JSON values are the same, the order of members included. */
function isSame(a: unknown, b: unknown): boolean {
  // Snapshots of a history share the tables that are the same in both.
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  return keys.length === others.length &&
    keys.every((key, at) => key === others[at] && isSame(a[key], b[key]));
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
  const shorter = Math.min(from.length, to.length);
  let at = 0;
  while (at < shorter && isSame(from[at], to[at])) at++;
  let same = 0;
  while (same < shorter - at && isSame(from.at(-1 - same), to.at(-1 - same))) same++;
  return { at, drop: from.length - at - same, put: to.slice(at, to.length - same) };
}

/** A member called `__proto__` is one like any other. */
function set(record: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}
