import { quoteName } from "../../sql/quote.ts";
import { quoteTable } from "../../sql/table_names.ts";
import { compareOthers } from "../../schema/compare/others.ts";
import { sharedTables } from "../../schema/compare/shared_tables.ts";
import { describeUnknown, type Label } from "./labels.ts";
import { otherValues } from "./other_values.ts";
import { changedType } from "../../migrate/preflight/rules/type_changes.ts";
import { isLostInCopy, remedyForWords } from "../../migrate/preflight/rules/copied_tables.ts";
import type { Obstacle } from "../../migrate/preflight/rules/obstacle.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";

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
  const shared = sharedTables({ live, target });
  return [
    ...target.tables.flatMap((table) => [...takenNames(table, live), ...takenIndexes(table, live)]),
    ...sources.copied.flatMap((name) => leftovers(name, live)),
    ...shared.flatMap(([found, wanted]) => ofTable(found, wanted, sources)),
    ...otherValues(shared, live),
    ...otherViews(target, live),
    ...sleepingPolicies(target, live),
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

/** The names of indexes are those of the whole schema. */
function takenIndexes({ name, indexes }: Table, live: Snapshot): readonly Obstacle[] {
  return live.tables.filter((table) => table.name !== name).flatMap((table) =>
    table.indexes.filter((index) => indexes.some((wanted) => wanted.name === index.name)).map((index) => ({
      path: `index ${index.name}`,
      state: `the table ${table.name} has the index ${index.name}, a name that ${name} needs`,
      remedy: `Give that index of ${table.name} another name.`,
    }))
  );
}

/** What is left of a copy that was broken off by somebody who did not make it in one transaction. */
function leftovers(copied: string, { tables, schemas }: Snapshot): readonly Obstacle[] {
  const name = `__new_${copied}`;
  return !tables.some((table) => table.name === name) ? [] : [{
    path: `table ${name}`,
    state:
      `there is a table ${name}, left behind by a copy of ${copied} that was broken off, and its name is needed`,
    remedy: `See that ${copied} has all of its rows, then: DROP TABLE ${quoteTable(name, schemas)};`,
  }];
}

function ofTable(found: Table, wanted: Table, sources: ObstacleSources): readonly Obstacle[] {
  const foreign = foreignTable(found, wanted, sources.origins.get(wanted.name) ?? wanted);
  if (foreign.length > 0) return foreign;
  return [
    ...found.columns.flatMap((column) => {
      const to = wanted.columns.find(({ name }) => name === column.name);
      return to === undefined
        ? requiredColumn(found, column)
        : changedType({ found, column, to }, sources.live);
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

/** What a copy could not take along. */
function peculiarities(found: Table, { copied, live }: ObstacleSources): readonly Obstacle[] {
  const { name } = found;
  if (!copied.includes(name)) return [];
  const isReferred = live.tables.some((table) => table.foreignKeys.some((key) => key.table === name));
  const lost = (found.peculiarities ?? []).filter(isLostInCopy);
  const odd = found.columns.filter((column) => /["`]/.test(column.name));
  return [
    ...lost.map((words) => ({
      path: `table ${name}`,
      state: `the table ${name} has to be copied into a new one, which would lose its ${words}`,
      remedy: remedyForWords(name, words),
    })),
    ...odd.map((column) => ({
      path: `column ${name}.${column.name}`,
      state:
        `the table ${name} has to be copied into a new one, and the column ${column.name} has a quote in its name`,
      remedy: `Give the column another name: ALTER TABLE ${quoteTable(name, live.schemas)} RENAME COLUMN ${
        quoteName(column.name)
      } TO …;`,
    })),
    ...isReferred && found.primaryKey.length === 0
      ? [{
        path: `primary key ${name}`,
        state: `the table ${name} has lost its key, to which other tables refer`,
        remedy: `Make a unique index first: CREATE UNIQUE INDEX ${quoteName(`${name}_id`)} ON ${
          quoteTable(name, live.schemas)
        } (id); it can be dropped afterwards.`,
      }]
      : [],
  ];
}

/** To make the policies of a table anew does not wake them. */
function sleepingPolicies(target: Snapshot, live: Snapshot): readonly Obstacle[] {
  const tables = compareOthers(target, live).flatMap(({ path, actual }) => {
    const table = /^policy .* of (.*)$/s.exec(path)?.[1];
    return table !== undefined && actual?.startsWith("DISABLED ") ? [table] : [];
  });
  return [...new Set(tables)].map((table) => ({
    path: `table ${table}`,
    state: `the row-level security of ${table} is disabled, so that its policies hold for nobody`,
    remedy: `ALTER TABLE ${quoteTable(table, live.schemas)} ENABLE ROW LEVEL SECURITY;`,
  }));
}

/** To make a view anew takes it from those that it was granted to, and fails for what stands on it. */
function otherViews(target: Snapshot, live: Snapshot): readonly Obstacle[] {
  return compareOthers(target, live).flatMap(({ kind, path }) => {
    const [, what = "", name = ""] = /^((?:materialized )?view) (.*)$/s.exec(path) ?? [];
    return kind !== "changed" || name === "" ? [] : [{
      path,
      state: `the ${path} is another one than the history's`,
      remedy:
        `Where nobody needs it as it is, drop it, and adopt makes it anew, without what was granted on it: DROP ${what.toUpperCase()} ${
          quoteTable(name, live.schemas)
        };`,
    }];
  });
}

/** A revision that is not known here may be a newer one, and what else is there of its making. */
function ofLabel(label: Label, kept: readonly string[]): readonly Obstacle[] {
  const { by, table, rows, unknown } = label;
  // Another program in the same database may use drizzle's migrator.
  if (by === "drizzle" && unknown.length === rows.length) return [];
  const unexplained = kept.filter((path) => /^(?:table|column) /.test(path));
  if (unknown.length === 0 || (unexplained.length === 0 && by !== "harbor-db")) return [];
  const also = unexplained.length === 0 ? "" : `, nor ${unexplained.join(", ")}, which may be of its making`;
  return [{
    path: table,
    state: by === "drizzle"
      ? `${table} has ${rows.length} rows, and this history does not know ${describeUnknown(label)}${also}`
      : `${table} says ${describeUnknown(label)}, which this history does not know${also}`,
    remedy:
      `Use the harbor-db that knows it. If nobody does: remove that row from ${table}, then run harbor-db adopt again.`,
  }];
}
