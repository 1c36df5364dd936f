import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { type JsonFields, jsonFields } from "../base/json_fields.ts";
import { isSerial, postgresDefault, postgresType } from "../sql/postgres_spelling.ts";
import type { Check, Column, ForeignKey, Index, Snapshot, Table, Unique } from "./snapshot.ts";

/**
 * Brings a snapshot of drizzle-kit 0.31 (SQLite version 6, PostgreSQL version 7), as parsed JSON, to normal form.
 *
 * Types and defaults come out as the live database prints them. Checks and conditions of indexes stay as they were
 * written; `compareSnapshots` sees through the spelling. Views, enums and sequences are left out: schema.ts has no
 * words for them.
 *
 * @throws {HarborError} `bad_history` when it is not such a snapshot
 */
export function normalizeDrizzleSnapshot(json: unknown): Snapshot {
  const snapshot = jsonFields(json, "", wrong);
  const dialect = readDialect(snapshot);
  if (snapshot.value("tables") === undefined) throw wrong("tables", "is missing");
  const tables = snapshot.objects("tables").map((table) => readTable(table, dialect));
  return { dialect, tables: tables.toSorted(byName), others: [] };
}

function wrong(path: string, state: string): HarborError {
  const where = path === "" ? "it" : path;
  return new HarborError("bad_history", `Cannot read "drizzle-kit snapshot": ${where} ${state}`, {
    hint: "Take the file from version control again, or make the revision anew with: harbor-db generate NAME",
    details: { path },
  });
}

const versions: Readonly<Record<Dialect, string>> = { sqlite: "6", postgresql: "7" };

function readDialect(snapshot: JsonFields): Dialect {
  const dialect = snapshot.text("dialect");
  if (dialect !== "sqlite" && dialect !== "postgresql") {
    throw wrong("dialect", `is "${dialect}", not sqlite or postgresql`);
  }
  const version = snapshot.text("version");
  if (version !== versions[dialect]) throw wrong("version", `is ${version}, not ${versions[dialect]}`);
  return dialect;
}

function readTable(table: JsonFields, dialect: Dialect): Table {
  const columns = table.objects("columns");
  const primaryKey = [
    ...columns.filter((column) => column.flag("primaryKey", false)).map((column) => column.text("name")),
    ...table.objects("compositePrimaryKeys").flatMap((key) => names(key, "columns")),
  ];
  return {
    name: table.text("name"),
    columns: columns.map((column) => readColumn(column, primaryKey, dialect)),
    primaryKey,
    foreignKeys: table.objects("foreignKeys").map((key) => readForeignKey(key, dialect)).toSorted(byName),
    indexes: table.objects("indexes").map(readIndex).toSorted(byName),
    uniques: table.objects("uniqueConstraints").map((unique) => readUnique(unique, dialect)).toSorted(byName),
    checks: table.objects("checkConstraints").map(readCheck).toSorted(byName),
  };
}

function readColumn(column: JsonFields, primaryKey: readonly string[], dialect: Dialect): Column {
  const name = column.text("name");
  const written = column.text("type");
  const value = column.value("default");
  const notNull = column.flag("notNull", false);
  if (dialect === "sqlite") {
    const type = written.toUpperCase();
    const identity = type === "INTEGER" && primaryKey.length === 1 && primaryKey[0] === name;
    return {
      name,
      type,
      notNull: notNull || identity,
      default: value === undefined ? null : withoutParentheses(String(value)),
      identity,
    };
  }
  const type = postgresType(written);
  const identity = isSerial(written) || column.value("identity") !== undefined;
  return {
    name,
    type,
    // PostgreSQL makes these NOT NULL whether the DDL says so or not.
    notNull: notNull || identity || primaryKey.includes(name),
    default: value === undefined ? null : postgresDefault(String(value), type),
    identity,
  };
}

/** SQLite wants the parentheses around the expression of a default, and `PRAGMA table_info` leaves them out. */
function withoutParentheses(value: string): string {
  return /^\(.*\)$/s.test(value) ? value.slice(1, -1) : value;
}

function readForeignKey(key: JsonFields, dialect: Dialect): ForeignKey {
  const action = (name: string) => key.value(name) === undefined ? "no action" : key.text(name).toLowerCase();
  return {
    name: dialect === "sqlite" ? null : key.text("name"),
    columns: names(key, "columnsFrom"),
    table: key.text("tableTo"),
    references: names(key, "columnsTo"),
    onDelete: action("onDelete"),
    onUpdate: action("onUpdate"),
    valid: true,
  };
}

function readIndex(index: JsonFields): Index {
  return {
    name: index.text("name"),
    // PostgreSQL's snapshots have an object for each column, SQLite's its name or expression.
    columns: index.list("columns").map((column) =>
      typeof column === "string"
        ? column
        : jsonFields(column, `${index.path}.columns`, wrong).text("expression")
    ),
    unique: index.flag("isUnique", false),
    where: index.value("where") === undefined ? null : index.text("where"),
    valid: true,
  };
}

function readUnique(unique: JsonFields, dialect: Dialect): Unique {
  return { name: dialect === "sqlite" ? null : unique.text("name"), columns: names(unique, "columns") };
}

function readCheck(check: JsonFields): Check {
  return { name: check.text("name"), expression: check.text("value"), valid: true };
}

function names(fields: JsonFields, name: string): readonly string[] {
  return fields.list(name).map((item) => {
    if (typeof item !== "string") throw wrong(`${fields.path}.${name}`, "is no list of names");
    return item;
  });
}

type Named = { readonly name: string | null; readonly columns?: readonly unknown[] };

/** Orders by name; what has none by its columns. */
function byName(a: Named, b: Named): number {
  const key = ({ name, columns }: Named) => name ?? String(columns);
  return key(a) < key(b) ? -1 : 1;
}
