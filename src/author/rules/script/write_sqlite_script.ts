import type { KitSnapshot } from "../../../schema/kit_snapshot.ts";
import type { ChangeStages, SchemaChange } from "../change/stages.ts";
import { draft, type DraftStatement } from "./draft_statement.ts";
import { referrersFirst } from "./table_order.ts";
import { tablesByName } from "../change/renames.ts";
import { sqliteConversion } from "../../../schema/twins/conversion.ts";

/** What drizzle-kit says for the stages of a change. */
export interface StageStatements {
  readonly expand: readonly string[];
  readonly contract: readonly string[];
}

/**
 * Makes a SQLite script of what drizzle-kit says for a change.
 *
 * SQLite can add a column, rename and drop; anything else rebuilds the table. Rows that need a value get it while they
 * are copied, in the same transaction: a backfill before it would shorten nothing and leave a gap behind it.
 */
export function writeSqliteScript(
  change: SchemaChange,
  stages: ChangeStages,
  said: StageStatements,
): readonly DraftStatement[] {
  const [[renamed], [reached] = [change.to]] = [stages.expand, stages.contract[0]];
  const statements = [
    ...stages.renames,
    ...said.expand.filter(isOurs).map((sql) =>
      withFills(
        withInlineChecks(withReference(withExpressions(sql, change), change), stages),
        change,
        renamed,
      )
    ),
    ...said.contract.filter(isOurs).flatMap((sql) => [
      ...droppedIndexes(sql, stages, change),
      withFills(withExpressions(sql, change), change, reached),
    ]),
  ];
  return referrersFirst(statements, change).map((sql) => draft(sql, ...remarkOn(sql)));
}

/** Inside a transaction this does nothing: whoever runs the script turns foreign keys off before it. */
function isOurs(sql: string): boolean {
  return !/^PRAGMA foreign_keys=/.test(sql);
}

function withInlineChecks(sql: string, { inlineChecks }: ChangeStages): string {
  const [, table, column] = /^ALTER TABLE `([^`]+)` ADD `([^`]+)`/.exec(sql) ?? [];
  const checks = inlineChecks.get(`${table}.${column}`) ?? [];
  const clauses = checks.map(({ name, value }) => ` CONSTRAINT "${name}" CHECK(${value})`);
  return sql.replace(/;?\s*$/, () => `${clauses.join("")};`);
}

/** drizzle-kit leaves out what a new column's reference does when the other row goes or changes, and the quotes around names. */
function withReference(sql: string, { to }: SchemaChange): string {
  const [, table, column] = /^ALTER TABLE `([^`]+)` ADD `([^`]+)` .*REFERENCES /s.exec(sql) ?? [];
  const keys = Object.values(tablesByName(to).get(table ?? "")?.foreignKeys ?? {});
  const key = keys.find(({ columnsFrom: [first, ...others] }) => first === column && others.length === 0);
  if (key === undefined) return sql;
  const { tableTo, columnsTo, onDelete, onUpdate } = key;
  const action = (event: string, does = "no action") => does === "no action" ? "" : ` ON ${event} ${does}`;
  const reference = `REFERENCES \`${tableTo}\`(\`${columnsTo.join("")}\`)`;
  return sql.replace(
    `REFERENCES ${tableTo}(${columnsTo})`,
    () => reference + action("UPDATE", onUpdate) + action("DELETE", onDelete),
  );
}

/** drizzle-kit quotes what an index is of as a name, also an expression, when it makes it again on a copy. */
function withExpressions(sql: string, { to }: SchemaChange): string {
  const [, name, table] = /^CREATE (?:UNIQUE )?INDEX `([^`]+)` ON `([^`]+)`/.exec(sql) ?? [];
  const { columns = {}, indexes = {} } = tablesByName(to).get(table ?? "") ?? {};
  const parts = (indexes[name ?? ""]?.columns ?? []).map(String);
  const written = parts.map((part) => `\`${part}\``);
  const meant = parts.map((part, place) => part in columns ? written[place] : part);
  return sql.replace(`(${written.join(",")})`, () => `(${meant.join(",")})`);
}

/**
 * drizzle-kit leaves it to the rebuild to take indexes away with the old table. harbor-db keeps those that a script
 * does not name, which may be somebody else's, so it has to be said.
 */
function droppedIndexes(sql: string, { contract }: ChangeStages, { to }: SchemaChange): readonly string[] {
  const [, table] = /^CREATE TABLE `__new_([^`]+)`/.exec(sql) ?? [];
  const before = contract[0] === undefined ? undefined : tablesByName(contract[0][0]).get(table ?? "");
  const after = tablesByName(to).get(table ?? "");
  if (before === undefined || after === undefined) return [];
  const gone = Object.keys(before.indexes).filter((name) => after.indexes[name] === undefined);
  return gone.map((name) => `DROP INDEX \`${name}\`;`);
}

/**
 * Gives rows a value where the copy of their table wants one, or one of another form. A key that they do not have yet SQLite
 * makes.
 */
function withFills(sql: string, { fills, to }: SchemaChange, before: KitSnapshot): string {
  const [, head, columns, table] =
    /^(INSERT INTO `__new_[^`]+`\([^)]*\)) SELECT (.*) FROM `([^`]+)`;\s*$/s.exec(sql) ??
      [];
  if (head === undefined || columns === undefined) return sql;
  // drizzle-kit copies generated columns as well, which SQLite refuses.
  const wanted = tablesByName(to).get(table!)?.columns ?? {};
  const made = Object.values(wanted).filter((column) => column.generated !== undefined)
    .map(({ name }) => `"${name}"`);
  const known = tablesByName(before).get(table!)?.columns;
  const copied = columns.split(", ").filter((column) =>
    !made.includes(column) && known?.[column.slice(1, -1)] !== undefined
  );
  const into = head.replace(/\([^)]*\)$/, () => `(${copied.join(", ")})`);
  const values = copied.map((column) => {
    const fill = fills.find((each) => each.table === table && `"${each.column}"` === column);
    const value = fill === undefined ? column : `coalesce(${column}, ${fill.value})`;
    const [was, is] = [known?.[column.slice(1, -1)], wanted[column.slice(1, -1)]];
    const worked = was && is ? sqliteConversion(was.type, is.type, column).worked : null;
    return worked === null ? value : `${worked}${value} END`;
  });
  return `${into} SELECT ${values.join(", ")} FROM \`${table}\`;`;
}

function remarkOn(sql: string): readonly string[] {
  const [, table] = /^CREATE TABLE `__new_([^`]+)`/.exec(sql) ?? [];
  return table === undefined
    ? []
    : [`SQLite cannot change this in place: ${table} is copied, and nobody writes meanwhile.`];
}
