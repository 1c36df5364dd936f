import { keyColumns } from "../../change/key_columns.ts";
import { enumChanges } from "../../change/enums.ts";
import { applyRenames, tablesByName } from "../../change/renames.ts";
import type { ChangeStages, SchemaChange } from "../../change/stages.ts";
import { draft, type DraftStatement } from "../draft_statement.ts";
import { withIndexOrder } from "./index_order.ts";
import { backfills } from "./backfills.ts";
import { addedKey, isKey } from "./keys.ts";
import { numbered } from "./numbers.ts";
import { staysInFamily } from "../../types/postgres_cast.ts";
import { phases, type Placed } from "./phases.ts";
import { place, placeAtomic, referAgain, valueAdded } from "./place.ts";
import { heldReferences, keysInTheWay, referrersFirst } from "../table_order.ts";
import type { StageStatements } from "../write_sqlite_script.ts";

/**
 * Makes a PostgreSQL script of what drizzle-kit says for a change: no statement holds a table while it reads or writes
 * all of its rows.
 *
 * Sources: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES,
 * https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
 */
export function writePostgresScript(
  change: SchemaChange,
  stages: ChangeStages,
  said: StageStatements,
): readonly DraftStatement[] {
  const [renamed] = stages.expand;
  const all = [...said.expand, ...said.contract].map(unqualified)
    .map((sql) => withIndexOrder(sql, change))
    .flatMap((sql) => numbered(sql, change));
  // A column of a key can be NULL when that is gone.
  const nullable = nullsAllowed(change, all);
  const enums = enumChanges(change);
  const defaulted = withDefaults([...all, ...enums.recreations], change);
  const own = [...all.filter((sql) => !nullable.includes(sql) && !defaulted.has(sql)), ...nullable];
  // A column has one way to get its values at a time.
  const references = new Set(
    Object.values(renamed.tables).flatMap(({ name: table, foreignKeys }) =>
      Object.values(foreignKeys).map(({ name }) => `ALTER TABLE "${table}" DROP CONSTRAINT "${name}";`)
    ),
  );
  // What is referred to does not go before the reference.
  const isFirst = (sql: string) => references.has(sql) || / DROP (?:IDENTITY|EXPRESSION);$/.test(sql);
  const ordered = referrersFirst(own.filter((sql) => !isFirst(sql)), change);
  const statements = [
    ...keysInTheWay(ordered, change).filter((sql) => !stages.renames.includes(sql)),
    ...ordered,
  ];
  const held = heldReferences(statements, { from: renamed, to: change.to }, (table, constraint) => {
    const old = tablesByName(renamed).get(table);
    return isKey(constraint, table, change) ? keyColumns(old) : old?.uniqueConstraints[constraint]?.columns;
  });
  const setting = {
    change,
    held: new Set(held.map((each) => each.held)),
    existing: new Set([...tablesByName(renamed).keys()]),
    replaced: replacedIndexes(statements),
    keyed: new Set(statements.flatMap((sql) => madeUnique.exec(sql)?.slice(1) ?? [])),
    rekeyed: new Set(statements.flatMap((sql) => addedKey.exec(sql)?.[1] ?? [])),
  };
  // No column is numbered that can be NULL.
  const late = new Set(statements.flatMap((sql, at) => {
    const [, column] = /^(ALTER TABLE "[^"]+" ALTER COLUMN "[^"]+") ADD GENERATED /.exec(sql) ?? [];
    return statements[at - 1] === `${column} SET NOT NULL;` ? statements.slice(at, at + 2) : [];
  }));
  const placed = [
    ...enums.additions.map((sql): Placed => ["value", change.isAtomic ? draft(sql) : valueAdded(sql)]),
    ...stages.renames.map((sql): Placed => ["change", draft(sql)]),
    ...own.filter(isFirst).map((sql): Placed => ["change", draft(sql)]),
    ...held.map(({ drop }): Placed => [change.isAtomic ? "change" : "settle", draft(drop)]),
    ...enums.recreations.map((sql): Placed => ["change", draft(sql)]),
    ...enums.drops.map((sql): Placed => ["drop type", draft(sql)]),
    ...statements.flatMap((sql): readonly Placed[] =>
      late.has(sql)
        ? [["settle", draft(sql)]]
        : change.isAtomic
        ? [placeAtomic(sql, change)]
        : place(sql, setting)
    ),
    ...held.flatMap(({ add }) => change.isAtomic ? [["refer", draft(add)] as const] : referAgain(add)),
    ...backfills(change),
  ];
  return phases.flatMap((phase) =>
    placed.filter(([each]) => each === phase).map(([, statement]) => statement)
  );
}

/** What makes something unique: by ALTER TABLE, or by an index. */
const madeUnique =
  /^(?:ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "[^"]+" )?(?:UNIQUE|PRIMARY KEY)|CREATE UNIQUE INDEX "[^"]+" ON "([^"]+)")/;

/** Returns what drizzle-kit says of defaults that come with a type of another kind, since the old one has no such values. */
function withDefaults(
  statements: readonly string[],
  { from, to, renames }: SchemaChange,
): ReadonlySet<string> {
  const before = tablesByName(applyRenames(from, renames));
  const after = tablesByName(to);
  return new Set(statements.flatMap((sql) => {
    const [, table = "", column = ""] =
      /^ALTER TABLE "([^"]+)" (?:ALTER COLUMN "[^"]+" DROP DEFAULT, )?ALTER COLUMN "([^"]+)" SET DATA TYPE /
        .exec(sql) ?? [];
    const [was, now] = [before, after].map((tables) => tables.get(table)?.columns[column]);
    const isLeft = was === undefined || now?.default === undefined ||
      (was.type !== now.type && staysInFamily(was.type, now.type));
    return isLeft
      ? []
      : statements.filter((each) =>
        each.startsWith(`ALTER TABLE "${table}" ALTER COLUMN "${column}" SET DEFAULT `)
      );
  }));
}

function replacedIndexes(statements: readonly string[]): ReadonlySet<string> {
  const named = (pattern: RegExp) => statements.flatMap((sql) => pattern.exec(sql)?.[1] ?? []);
  const made = named(/^CREATE (?:UNIQUE )?INDEX "([^"]+)"/);
  return new Set(named(/^DROP INDEX "([^"]+)";$/).filter((name) => made.includes(name)));
}

/** Returns the statements by which columns of a key can be NULL when it is gone, and those that drizzle-kit leaves out. */
function nullsAllowed(
  { from, to, renames }: SchemaChange,
  said: readonly string[],
): readonly string[] {
  const before = tablesByName(applyRenames(from, renames));
  return [...tablesByName(to).values()].flatMap(({ name: table, columns }) => {
    const old = before.get(table);
    return Object.values(columns).flatMap((now) => {
      const was = old?.columns[now.name];
      if (was?.notNull !== true || now.notNull || was.generated?.as !== now.generated?.as) return [];
      const sql = `ALTER TABLE "${table}" ALTER COLUMN "${now.name}" DROP NOT NULL;`;
      return keyColumns(old).includes(now.name) || !said.includes(sql) ? [sql] : [];
    });
  });
}

/** The schema is the connection's, so nothing names one. A btree is what an index is anyway. */
export function unqualified(sql: string): string {
  return sql.trim()
    .replaceAll(/(REFERENCES|ON|TABLE|INDEX|TYPE|VIEW|SEQUENCE) "public"\./g, "$1 ")
    .replaceAll('::"public".', "::")
    .replace(/ USING btree \(/, " (")
    // So drizzle-kit calls a type that it does not know.
    .replaceAll(/(SET DATA TYPE |::)"undefined"\."([^"]+)"/g, "$1$2")
    // What hangs on a dropped table and is not known should stop it, not vanish with it.
    .replace(/^(DROP (?:TABLE|POLICY "[^"]+" ON) "[^"]+") CASCADE;$/, "$1;");
}
