import { sharedTables } from "../../schema/compare/shared_tables.ts";
import { isConstant } from "../../sql/constant_expression.ts";
import {
  type BridgeStatement,
  type BridgeSubject,
  columnsLeftAlone,
  guard,
  guardWord,
  guardWords,
  step,
} from "./bridge_statement.ts";
import { withIndexThere } from "./key_indexes.ts";
import { pair } from "../../schema/compare/pair.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import { isSameExpression } from "../../schema/expressions/compare.ts";
import { withSchemaNames } from "../../sql/table_names.ts";
import type { OtherObject, Table } from "../../schema/snapshot.ts";

/**
 * Completes the statements of a bridge on PostgreSQL, which run in one transaction: nobody else changes the tables
 * meanwhile, the triggers of the tables that are filled rest, and at the end no value of before may have changed. What
 * drizzle-kit does not know of (sequences, indexes and constraints that are not valid) is put right too.
 */
export function completePostgresBridge(
  statements: readonly string[],
  subject: BridgeSubject,
): readonly BridgeStatement[] {
  const shared = sharedTables(subject);
  const watched = shared.map(([table]) => table);
  const names = watched.map(({ name }) => quoteName(name));
  const filled = new Set(statements.flatMap((sql) => /^UPDATE "([^"]+)"/.exec(sql)?.[1] ?? []));
  const resting = firingTriggers(subject, filled);
  const schemas = subject.live.schemas ?? [];
  const flat = [
    ...missingSchemas(subject).map(step),
    ...names.length === 0 ? [] : [guard(`LOCK TABLE ${names.join(", ")} IN ACCESS EXCLUSIVE MODE`)],
    ...watched.length === 0 ? [] : [digestsBefore(watched, subject)],
    ...resting.map((trigger) => step(`${alterTrigger(trigger)} DISABLE TRIGGER ${quoteName(trigger.name)}`)),
    ...shared.flatMap(([table, target]) => invalidIndexes(table, target)).map((name) =>
      step(`DROP INDEX ${quoteName(name)}`)
    ),
    // A key's type changes to a number's; what numbers it is seen to below.
    ...statements.map((sql) => sql.replace(/ SET DATA TYPE serial;$/, " SET DATA TYPE integer;"))
      .flatMap((sql) => withIndexThere(sql, subject.live)).map(step),
    ...shared.flatMap(([table, target]) => [...numbering(table, target), ...unvalidated(table, target)])
      .map(step),
    ...resting.map((trigger) =>
      step(
        `${alterTrigger(trigger)} ENABLE ${trigger.fires === "A" ? "ALWAYS " : ""}TRIGGER ${
          quoteName(trigger.name)
        }`,
      )
    ),
    ...watched.map((table) => digestsAfter(table, subject)),
    ...watched.length === 0 ? [] : [guard(`DROP TABLE ${quoteName(guardWord)}`)],
  ];
  return flat.flatMap((each) => withSchemaNames(each.sql, schemas).map((sql) => ({ ...each, sql })));
}

/** Returns the statements that make the schemas in which nothing is yet; who may make none there may still fill one. */
export function missingSchemas({ live, target }: Pick<BridgeSubject, "live" | "target">): readonly string[] {
  const names = [...live.tables, ...live.others].map(({ name }) => name);
  const schemas = (target.schemas ?? []).filter((schema) =>
    !names.some((name) => name.startsWith(`${schema}.`))
  );
  return schemas.map((name) => `CREATE SCHEMA IF NOT EXISTS ${quoteName(name)}`);
}

/** Returns the triggers of filled tables that would fire for what a bridge fills. */
export function firingTriggers(
  { live }: Pick<BridgeSubject, "live">,
  filled: ReadonlySet<string>,
): readonly OtherObject[] {
  return live.others.filter((each) =>
    each.kind === "trigger" && filled.has(each.table ?? "") && (each.fires ?? "A") === "A"
  );
}

function alterTrigger({ table }: OtherObject): string {
  return `ALTER TABLE ${quoteName(table ?? "")}`;
}

/** Returns the indexes that an interruption left behind, which have the name and nothing else. */
export function invalidIndexes(table: Table, target: Table): readonly string[] {
  return table.indexes.filter((index) =>
    !index.valid && target.indexes.some(({ name }) => name === index.name)
  ).map(({ name }) => name);
}

/**
 * Returns the statements that give a column which nothing numbers a sequence of its own, as `serial` does, and an identity
 * column the form of its identity.
 */
export function numbering(table: Table, target: Table): readonly string[] {
  const columns = table.columns.filter((column) =>
    !column.identity && target.columns.some(({ name, identity }) => name === column.name && identity)
  );
  const sequences = columns.flatMap(({ name, default: value }) => {
    const [own, column] = [quoteName(table.name), quoteName(name)];
    const borrowed = /^nextval\('(.+)'::regclass\)$/.exec(value ?? "")?.[1];
    const sequence = borrowed ?? quoteName(`${table.name}_${name}_seq`);
    const text = `'${sequence}'`;
    return [
      ...borrowed === undefined ? [`CREATE SEQUENCE IF NOT EXISTS ${sequence} AS integer`] : [],
      `ALTER SEQUENCE ${sequence} OWNED BY ${own}.${column}`,
      `ALTER TABLE ${own} ALTER COLUMN ${column} SET DEFAULT nextval(${text}::regclass)`,
      `SELECT setval(${text}::regclass, greatest((SELECT max(${column}) FROM ${own}), nextval(${text}::regclass)))`,
    ];
  });
  return [...sequences, ...numbersTaken(table, target)];
}

/** Returns the statements by which an identity column takes a program's own numbers, or none. */
function numbersTaken(table: Table, target: Table): readonly string[] {
  return pair(target.columns, table.columns, (a, b) => a.name === b.name).flatMap(([wanted, found]) =>
    wanted?.numbered === undefined || found?.numbered === undefined || wanted.numbered === found.numbered
      ? []
      : [
        `ALTER TABLE ${quoteName(table.name)} ALTER COLUMN ${
          quoteName(found.name)
        } SET GENERATED ${wanted.numbered.toUpperCase()}`,
      ]
  );
}

/** Returns the statements that look at the rows which a constraint was put over without a look. */
export function unvalidated(table: Table, target: Table): readonly string[] {
  const sameKey = (a: Table["foreignKeys"][number], b: typeof a) =>
    a.columns.join() === b.columns.join() && a.table === b.table && a.onDelete === b.onDelete &&
    a.onUpdate === b.onUpdate;
  const sameCheck = (a: Table["checks"][number], b: typeof a) =>
    isSameExpression(a.expression, b.expression, "postgresql");
  const both = [
    ...pair(target.foreignKeys, table.foreignKeys, sameKey),
    ...pair(target.checks, table.checks, sameCheck),
  ];
  return both.flatMap(([wanted, found]) =>
    wanted === undefined || found === undefined || found.valid || found.name === null
      ? []
      : [`ALTER TABLE ${quoteName(table.name)} VALIDATE CONSTRAINT ${quoteName(found.name)}`]
  );
}

function digestsBefore(tables: readonly Table[], subject: BridgeSubject): BridgeStatement {
  const selects = tables.map((table) => digestsOf(table, subject));
  return guard(`CREATE TABLE ${quoteName(guardWord)} AS\n${selects.join("\nUNION ALL ")}`);
}

function digestsAfter(table: Table, subject: BridgeSubject): BridgeStatement {
  const block = `BEGIN
IF EXISTS (${withSchemaNames(digestsOf(table, subject), subject.live.schemas ?? [])}
  EXCEPT SELECT * FROM ${quoteName(guardWord)})
THEN RAISE EXCEPTION '%', ${quoteText(guardWords(table.name))}; END IF;
END`;
  // Not between dollars: a name in it may have any.
  return guard(`DO ${quoteText(block)}`);
}

/** A number for a row by its key, of whatever type and however many columns; the same for all rows without one. */
function seedOf({ primaryKey }: Table, { columns }: Table): string {
  const parts = primaryKey.filter((name) => columns.some((column) => column.name === name)).map(quoteName);
  return parts.length === 0 ? "0" : `hashtextextended(ROW(${parts.join(", ")})::text, 0)`;
}

/** One row of a table's rows and, column by column, a sum over what is in them and where. */
function digestsOf(table: Table, { target, fills }: BridgeSubject): string {
  const seed = seedOf(target.tables.find(({ name }) => name === table.name) ?? table, table);
  const digests = columnsLeftAlone(table, target).flatMap((name) => {
    const fill = fills.find((each) => each.table === table.name && each.column === name);
    // Of a value that differs from row to row, nothing can be known beforehand.
    if (fill !== undefined && !isConstant(fill.value, "postgresql")) return [];
    const text = `${quoteName(name)}::text`;
    const value = fill === undefined ? text : `coalesce(${text}, ${fill.value})`;
    return [`sum(coalesce(hashtextextended(${value}, ${seed}), 1))`];
  });
  return `SELECT ${quoteText(table.name)} AS name, count(*) AS rows, ARRAY[${
    digests.join(",\n  ")
  }] AS digests FROM ${quoteName(table.name)}`;
}
