import type { Dialect } from "../../../src/base/dialect.ts";
import { buildHistory, type History } from "../../../src/history/history.ts";
import { emptySnapshots, idOf } from "./script_history.ts";

/** A table in words that both dialects understand. Its first column is the key. */
export interface SampleTable {
  /** The type of each column, in lower case, with `!` behind it for NOT NULL. */
  readonly columns: Readonly<Record<string, string>>;
  /** Unique indexes by name: their columns, and the condition behind `WHERE`. */
  readonly unique?: Readonly<Record<string, string>>;
  /** Checks by name. */
  readonly checks?: Readonly<Record<string, string>>;
  /** The table that a column refers to, by its `id`. */
  readonly references?: Readonly<Record<string, string>>;
}

/** What a revision leaves behind, and its scripts. */
export interface SampleRevision {
  readonly tables: Readonly<Record<string, SampleTable>>;
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/** Returns the DDL of a table and its indexes. */
export function ddlOf(name: string, table: SampleTable): readonly string[] {
  const columns = Object.entries(table.columns).map(([column, type], place) =>
    `"${column}" ${type.replace("!", " NOT NULL")}${place === 0 ? " PRIMARY KEY" : ""}`
  );
  const checks = Object.entries(table.checks ?? {}).map(([check, expression]) =>
    `CONSTRAINT "${check}" CHECK (${expression})`
  );
  const keys = Object.entries(table.references ?? {}).map(([column, to]) =>
    `CONSTRAINT "${name}_${column}_fkey" FOREIGN KEY ("${column}") REFERENCES "${to}"("id")`
  );
  return [
    `CREATE TABLE "${name}" (${[...columns, ...checks, ...keys].join(", ")})`,
    ...Object.entries(table.unique ?? {}).map(([index, on]) =>
      `CREATE UNIQUE INDEX "${index}" ON "${name}" ${indexOn(on)}`
    ),
  ];
}

/** Returns the statements by which SQLite gives a table another form; `values` are taken instead of a column. */
export function rebuildOf(
  name: string,
  table: SampleTable,
  values: Readonly<Record<string, string>> = {},
): readonly string[] {
  const [create, ...indexes] = ddlOf(name, table);
  const columns = Object.keys(table.columns);
  const list = columns.map((column) => `"${column}"`).join(", ");
  const selected = columns.map((column) => values[column] ?? `"${column}"`).join(", ");
  return [
    create!.replace(`"${name}"`, `\`__new_${name}\``),
    `INSERT INTO \`__new_${name}\`(${list}) SELECT ${selected} FROM \`${name}\``,
    `DROP TABLE \`${name}\``,
    `ALTER TABLE \`__new_${name}\` RENAME TO \`${name}\``,
    ...indexes,
  ];
}

/** Returns the files of a history of these revisions, by their paths in a dialect's folder. */
export function historyFiles(
  dialect: Dialect,
  revisions: readonly SampleRevision[],
): ReadonlyMap<string, string> {
  const tag = (index: number) => `${idOf(index)}_step`;
  const script = (statements: readonly string[]) => statements.join(";--> statement-breakpoint\n");
  const entries = revisions.map((_, idx) => ({ idx, when: idx, tag: tag(idx) }));
  return new Map([
    ["meta/_journal.json", JSON.stringify({ dialect, entries })],
    ...revisions.flatMap(({ tables, up, down }, index) =>
      [
        [`${tag(index)}.sql`, script(up)],
        [`${tag(index)}.down.sql`, script(down)],
        [`meta/${idOf(index)}_snapshot.json`, JSON.stringify(snapshotOf(dialect, tables))],
      ] as const
    ),
  ]);
}

/** Returns a history of these revisions, in memory, with their snapshots. */
export function schemaHistory(dialect: Dialect, revisions: readonly SampleRevision[]): History {
  const files = historyFiles(dialect, revisions);
  return buildHistory(dialect, {
    folder: `drizzle/${dialect}`,
    read: (path) => files.get(path) ?? null,
  });
}

function snapshotOf(dialect: Dialect, tables: SampleRevision["tables"]): object {
  const kit = Object.entries(tables).map(([name, table]) => {
    const columns = Object.entries(table.columns).map(([column, type], place) => [column, {
      name: column,
      type: type.replace("!", ""),
      notNull: type.endsWith("!"),
      primaryKey: place === 0,
    }]);
    const indexes = Object.entries(table.unique ?? {}).map(([index, on]) => {
      const [, list = "", where] = /^(.*?)(?: WHERE (.*))?$/.exec(on)!;
      const columns = list.split(", ").map((column) =>
        dialect === "sqlite" ? column : { expression: column, isExpression: false }
      );
      return [index, { name: index, columns, isUnique: true, ...where === undefined ? {} : { where } }];
    });
    const foreignKeys = Object.entries(table.references ?? {}).map(([column, to]) => {
      const key = `${name}_${column}_fkey`;
      return [key, { name: key, tableFrom: name, tableTo: to, columnsFrom: [column], columnsTo: ["id"] }];
    });
    const checks = Object.entries(table.checks ?? {}).map((
      [check, value],
    ) => [check, { name: check, value }]);
    return [name, {
      name,
      columns: Object.fromEntries(columns),
      indexes: Object.fromEntries(indexes),
      foreignKeys: Object.fromEntries(foreignKeys),
      checkConstraints: Object.fromEntries(checks),
      compositePrimaryKeys: {},
      uniqueConstraints: {},
    }];
  });
  return { id: "1", prevId: "0", ...emptySnapshots[dialect], tables: Object.fromEntries(kit) };
}

function indexOn(on: string): string {
  const [, list = "", where] = /^(.*?)(?: WHERE (.*))?$/.exec(on)!;
  return `(${list})${where === undefined ? "" : ` WHERE ${where}`}`;
}
