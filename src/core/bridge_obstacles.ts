import type { Label } from "./labels.ts";
import { sharedTables } from "./bridge_statement.ts";
import type { Column, Dialect, Snapshot, Table } from "./snapshot.ts";

/** Why a database cannot be bridged. */
export interface Obstacle {
  /** What it is about: `table users`, `column files.size`, `view reports` … */
  readonly path: string;
  /** As the end of a sentence: `users has no email: it is another program's`. */
  readonly state: string;
  /** What to do about it, as a command to paste or one sentence. */
  readonly remedy: string;
}

/** What is looked at. */
export interface ObstacleSources {
  readonly live: Snapshot;
  readonly target: Snapshot;
  /** The first schema of the history that has each table. */
  readonly origins: ReadonlyMap<string, Table>;
  readonly labels: readonly Label[];
  /** What the target does not know, by path. */
  readonly kept: readonly string[];
  /** Tables that the bridge copies (SQLite). */
  readonly copied: readonly string[];
}

/** Returns what stands between a live schema and a target, all of it; empty when a bridge can be built. */
export function obstaclesOf(sources: ObstacleSources): readonly Obstacle[] {
  const { live, target } = sources;
  const shared = sharedTables({ live, target, fills: [] });
  return [
    ...target.tables.flatMap((table) => takenNames(table, live)),
    ...shared.flatMap(([found, wanted]) => ofTable(found, wanted, sources)),
    ...sources.labels.flatMap((label) => ofLabel(label, sources.kept)),
  ];
}

function takenNames({ name }: Table, { others }: Snapshot): readonly Obstacle[] {
  return others.filter((other) => other.name === name && other.table === null && other.kind !== "function")
    .map((
      { kind },
    ) => ({
      path: `${kind} ${name}`,
      state: `${name} is a ${kind}, not a table`,
      remedy: `Give the ${kind} another name.`,
    }));
}

function ofTable(found: Table, wanted: Table, sources: ObstacleSources): readonly Obstacle[] {
  const foreign = foreignTable(found, wanted, sources.origins.get(wanted.name) ?? wanted);
  if (foreign.length > 0) return foreign;
  return [
    ...found.columns.flatMap((column) => {
      const to = wanted.columns.find(({ name }) => name === column.name);
      return to === undefined ? requiredColumn(found, column) : changedColumn({ found, column, to }, sources);
    }),
    ...peculiarities(found, sources),
  ];
}

/** Every database of the application has had these columns from its first revision on, and no value for them can be made up. */
function foreignTable(found: Table, wanted: Table, origin: Table): readonly Obstacle[] {
  const has = (table: Table, name: string) => table.columns.some((column) => column.name === name);
  const missing = wanted.columns.filter((column) => isGiven(column) && !has(found, column.name));
  const essential = missing.filter(({ name }) => has(origin, name)).map(({ name }) => name);
  const otherKey = found.primaryKey.length > 0 && found.primaryKey.join() !== wanted.primaryKey.join();
  if (essential.length > 0 || otherKey) {
    const reason = otherKey
      ? `has the key (${found.primaryKey.join(", ")})`
      : `has no ${essential.join(", ")}`;
    return [{
      path: `table ${found.name}`,
      state: `the table ${found.name} ${reason}: it is another program's`,
      remedy: `Give the application a database of its own, or rename the other program's table.`,
    }];
  }
  return missing.map(({ name }) => ({
    path: `column ${found.name}.${name}`,
    state: `nothing says which ${name} the rows of ${found.name} get`,
    remedy: `Add the column ${name} and fill it by hand, then run this again.`,
  }));
}

/** Whether a row cannot do without a value that somebody gives. */
function isGiven(column: Column): boolean {
  return column.notNull && column.default === null && !column.identity;
}

function requiredColumn({ name: table }: Table, column: Column): readonly Obstacle[] {
  if (!isGiven(column)) return [];
  return [{
    path: `column ${table}.${column.name}`,
    state:
      `the column ${table}.${column.name} is not known, NOT NULL and without a default, so the application cannot add rows`,
    remedy: `Give the column a default, let it be NULL, or use the harbor-db that knows it.`,
  }];
}

/** What PostgreSQL can turn into what without changing a value; lengths and ranges are looked at in the rows. */
const conversions: Readonly<Record<Dialect, readonly (readonly [from: RegExp, to: RegExp])[]>> = {
  // Types are hints there. Each copy is compared with its original.
  sqlite: [[/^/, /^/]],
  postgresql: [
    [/^(?:text|character|json|jsonb|uuid)\b/, /^(?:text|character)\b/],
    [/^(?:smallint|bigint)$/, /^integer$/],
    [/^(?:date|timestamp(?:\(\d\))? without time zone)$/, /^timestamp without time zone$/],
  ],
};

function changedColumn(
  { found, column, to }: { readonly found: Table; readonly column: Column; readonly to: Column },
  { live }: ObstacleSources,
): readonly Obstacle[] {
  if (column.type === to.type) return [];
  const name = `${found.name}.${column.name}`;
  const canConvert = conversions[live.dialect].some(([from, into]) =>
    from.test(column.type) && into.test(to.type)
  );
  if (!canConvert) {
    return [{
      path: `column ${name}`,
      state: `the column ${name} is ${column.type}, and its values cannot become ${to.type} unchanged`,
      remedy: `Change its type to ${to.type} by hand, as what is in it demands, then run this again.`,
    }];
  }
  return heldColumn(name, to.type, live);
}

/** Returns what holds columns fast whose types are to change from one schema to another. */
export function heldTypes(before: Snapshot, after: Snapshot, live: Snapshot): readonly Obstacle[] {
  return sharedTables({ live: before, target: after, fills: [] }).flatMap(([table, wanted]) =>
    table.columns.flatMap((column) => {
      const to = wanted.columns.find(({ name }) => name === column.name);
      const isSame = to === undefined || to.type === column.type;
      return isSame ? [] : heldColumn(`${table.name}.${column.name}`, to.type, live);
    })
  );
}

function heldColumn(name: string, type: string, { others }: Snapshot): readonly Obstacle[] {
  return others.filter((other) => other.holds?.includes(name)).map((other) => ({
    path: `${other.kind} ${other.name}`,
    state: `the ${other.kind} ${other.name} uses ${name}, whose type has to become ${type}`,
    remedy: `Drop the ${other.kind} ${other.name} and make it again afterwards; its definition: ${
      oneLine(other.sql)
    }`,
  }));
}

function peculiarities(found: Table, { copied }: ObstacleSources): readonly Obstacle[] {
  if (!copied.includes(found.name)) return [];
  return (found.peculiarities ?? []).map((words) => ({
    path: `table ${found.name}`,
    state: `the table ${found.name} has to be copied into a new one, which would lose its ${words}`,
    remedy:
      `Make the table again without it (CREATE TABLE … AS, with the same columns and keys), then run this again.`,
  }));
}

/** A revision that is not known here may be a newer one, and what else is there of its making. */
function ofLabel({ table, rows, unknown }: Label, kept: readonly string[]): readonly Obstacle[] {
  // Another program in the same database may use drizzle's migrator.
  if (table === "__drizzle_migrations" && unknown.length === rows.length) return [];
  const unexplained = kept.filter((path) => /^(?:table|column) /.test(path));
  if (unknown.length === 0 || (unexplained.length === 0 && table !== "harbor_version")) return [];
  const also = unexplained.length === 0 ? "" : `, nor ${unexplained.join(", ")}, which may be of its making`;
  return [{
    path: table,
    state: `${table} says ${unknown.join(", ")}, which this history does not know${also}`,
    remedy:
      `Use the harbor-db that knows it. If nobody does: remove that row from ${table}, then run harbor-db adopt again.`,
  }];
}

function oneLine(text: string | null): string {
  return (text ?? "").replaceAll(/\s+/g, " ").trim();
}
