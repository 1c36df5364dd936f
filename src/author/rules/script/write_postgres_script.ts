import { isConstant } from "../../../sql/constant_expression.ts";
import type { StageStatements } from "./write_sqlite_script.ts";
import type { ChangeStages, SchemaChange } from "../change/stages.ts";
import { conversion, enumChanges } from "../change/enums.ts";
import { draft, type DraftStatement } from "./draft_statement.ts";
import { withIndexOrder } from "./index_order.ts";
import type { KitTable } from "../../../schema/kit_snapshot.ts";
import { heldReferences, keysInTheWay, referrersFirst } from "./table_order.ts";
import { schemaChanges } from "../../../schema/flat_schemas.ts";
import { cutName, postgresNameOf, serialSequence } from "../../../sql/cut_name.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { nameIn, placeOfName } from "../../../sql/table_names.ts";
import { isSerial, postgresType } from "../../../sql/postgres_spelling.ts";
import { postgresCast, staysInFamily } from "../types/postgres_cast.ts";
import { applyRenames, tablesByName } from "../change/renames.ts";

/** The order in which a change can run while the application goes on working. */
const phases = [
  // A value of an enum type can be used once it is committed.
  "value",
  // One transaction of statements that need their lock for a moment only.
  "change",
  "fill",
  "guard",
  "refill",
  // After the rows are filled, which then has no index to keep.
  "index",
  "validate",
  "settle",
  // What refers to a key that is there only then.
  "refer",
  "drop",
  // After the defaults that take numbers from it.
  "drop sequence",
  // After the tables that have it.
  "drop type",
] as const;
type Phase = typeof phases[number];
type Placed = readonly [Phase, DraftStatement];

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
  const own = [...all.filter((sql) => !nullable.includes(sql)), ...nullable];
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
  const enums = enumChanges(change);
  const placed = [
    ...enums.additions.map((sql): Placed => ["value", change.isAtomic ? draft(sql) : valueAdded(sql)]),
    ...stages.renames.map((sql): Placed => ["change", draft(sql)]),
    ...own.filter(isFirst).map((sql): Placed => ["change", draft(sql)]),
    ...held.map(({ drop }): Placed => [change.isAtomic ? "change" : "settle", draft(drop)]),
    ...enums.recreations.map((sql): Placed => ["change", draft(sql)]),
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

interface Setting {
  readonly change: SchemaChange;
  /** Statements that take away what references go on holding to by another constraint. */
  readonly held: ReadonlySet<string>;
  /** Tables that may have rows. */
  readonly existing: ReadonlySet<string>;
  /** Indexes that are made anew under their name. */
  readonly replaced: ReadonlySet<string>;
  /** Tables that get something unique. */
  readonly keyed: ReadonlySet<string | undefined>;
  /** Tables that get a primary key. */
  readonly rekeyed: ReadonlySet<string>;
}

/** A key that a table gets: the table, the constraint's name and the columns. */
const addedKey = /^ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "([^"]+)" )?PRIMARY KEY ?\((.*)\);$/s;

/** What makes something unique: by ALTER TABLE, or by an index. */
const madeUnique =
  /^(?:ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "[^"]+" )?(?:UNIQUE|PRIMARY KEY)|CREATE UNIQUE INDEX "[^"]+" ON "([^"]+)")/;

/** In one transaction nothing has to be eased in: what looks at rows comes after what fills them. */
function placeAtomic(sql: string, change: SchemaChange): Placed {
  const looksAtRows =
    /^CREATE (?:UNIQUE )?INDEX |^ALTER TABLE "[^"]+" (?:ADD (?:CONSTRAINT|PRIMARY) |ALTER COLUMN "[^"]+" SET NOT NULL;)/;
  if (/^DROP TYPE /.test(sql)) return ["drop type", draft(sql)];
  if (/^DROP SEQUENCE "/.test(sql)) return ["drop sequence", draft(sql)];
  const takesAway = /^DROP TABLE |^ALTER TABLE "[^"]+" DROP COLUMN /;
  const phase = looksAtRows.test(sql) ? "settle" : takesAway.test(sql) ? "drop" : "change";
  return [phase, draft(withConversion(sql, change))];
}

function replacedIndexes(statements: readonly string[]): ReadonlySet<string> {
  const named = (pattern: RegExp) => statements.flatMap((sql) => pattern.exec(sql)?.[1] ?? []);
  const made = named(/^CREATE (?:UNIQUE )?INDEX "([^"]+)"/);
  return new Set(named(/^DROP INDEX "([^"]+)";$/).filter((name) => made.includes(name)));
}

function place(
  sql: string,
  { change, held, existing, keyed, replaced, rekeyed }: Setting,
): readonly Placed[] {
  const [, index, on] = /^CREATE (?:UNIQUE )?INDEX "([^"]+)" ON "([^"]+)"/.exec(sql) ?? [];
  if (index !== undefined && on !== undefined) {
    if (!existing.has(on)) return [["change", draft(sql)]];
    return replaced.has(index) ? indexReplaced(index, sql) : [["index", concurrently(sql)]];
  }
  const [, dropped] = /^DROP INDEX "([^"]+)";$/.exec(sql) ?? [];
  if (dropped !== undefined && replaced.has(dropped)) return [];
  if (/^DROP TYPE /.test(sql)) return [["drop type", draft(sql)]];
  if (/^DROP SEQUENCE "/.test(sql)) return [["drop sequence", draft(sql)]];
  if (/^DROP TABLE |^ALTER TABLE "[^"]+" DROP COLUMN /.test(sql)) {
    return [["drop", draft(sql)]];
  }
  const [, table, action = ""] = /^ALTER TABLE "([^"]+)" (.*)$/s.exec(sql) ?? [];
  if (table === undefined || !existing.has(table)) return [["change", draft(sql)]];
  if (held.has(sql)) return [["settle", draft(sql)]];
  const [, , key = serverKey(table, change), keyColumns] = addedKey.exec(sql) ?? [];
  if (keyColumns !== undefined) return keyLater(table, key, { columns: keyColumns, change });
  if (rekeyed.has(table) && isKey(/^DROP CONSTRAINT "([^"]+)";$/.exec(action)?.[1], table, change)) {
    return [["settle", draft(sql)]];
  }
  if (rekeyed.has(table) && action.endsWith(" DROP NOT NULL;")) return [["drop", draft(sql)]];
  const [, constraint, kind] = /^ADD CONSTRAINT "([^"]+)" (FOREIGN KEY|CHECK|UNIQUE)/.exec(action) ?? [];
  if (constraint !== undefined && kind === "UNIQUE") return uniqueLater(table, constraint, action);
  if (constraint !== undefined) {
    const [, referred] = /^ADD CONSTRAINT "[^"]+" FOREIGN KEY .*? REFERENCES "([^"]+)"/s.exec(action) ?? [];
    const isEarly = referred === undefined || !existing.has(referred) || !keyed.has(referred);
    const placed = validLater(table, constraint, sql);
    return isEarly ? placed : placed.map(([, statement]): Placed => ["refer", statement]);
  }
  const [, column] = /^ALTER COLUMN "([^"]+)" SET NOT NULL;$/.exec(action) ?? [];
  if (column !== undefined) return notNullLater(table, column);
  const converted = withConversion(sql, change);
  return [["change", draft(converted, ...remarksOn(table, action, change))]];
}

function remarksOn(table: string, action: string, { fills }: SchemaChange): readonly string[] {
  const [, column] = /^ADD COLUMN "([^"]+)" .* DEFAULT /s.exec(action) ?? [];
  if (column === undefined) return [];
  const isLent = fills.some((fill) => fill.table === table && fill.column === column);
  const remark = `The default of ${table}.${column} fills the rows that exist without touching them`;
  return [isLent ? `${remark}; it is taken back below.` : `${remark}.`];
}

function valueAdded(sql: string): DraftStatement {
  const [, type] = /^ALTER TYPE "([^"]+)"/.exec(sql)!;
  return draft(sql, `What follows can use a new value of ${type} once it is committed.`, "harbor:alone");
}

function concurrently(sql: string): DraftStatement {
  const [, index] = /INDEX "([^"]+)"/.exec(sql)!;
  return draft(sql, `${index} is built while the application goes on writing.`, "harbor:concurrently");
}

/** Returns the name of an index until it takes the place of another. */
export function replacementOf(index: string): string {
  return `${cutName(index, 59)}_new`;
}

/** The old one serves until the new one is there. */
function indexReplaced(index: string, sql: string): readonly Placed[] {
  const made = replacementOf(index);
  return [
    ["index", concurrently(sql.replace(`"${index}"`, () => `"${made}"`))],
    ["settle", draft(`DROP INDEX "${index}";`)],
    ["settle", draft(`ALTER INDEX "${made}" RENAME TO "${index}";`)],
  ];
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

/** New rows are held to it in the transaction in which it goes and comes. */
function referAgain(sql: string): readonly Placed[] {
  const [, table = "", constraint = ""] = /^ALTER TABLE "([^"]+)" ADD CONSTRAINT "([^"]+)"/.exec(sql)!;
  const remark = `${constraint} goes on by another constraint, and holds all the while.`;
  return [
    ["settle", draft(sql.replace(/;$/, " NOT VALID;"), remark)],
    ["refer", draft(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${constraint}";`, "harbor:alone")],
  ];
}

/** Existing rows are looked at outside the transaction that holds the table. */
function validLater(table: string, constraint: string, sql: string): readonly Placed[] {
  return [
    [
      "change",
      draft(
        sql.replace(/;$/, " NOT VALID;"),
        `${constraint} holds for new rows at once; those that exist are looked at below, while others write.`,
      ),
    ],
    ["validate", draft(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${constraint}";`, "harbor:alone")],
  ];
}

function uniqueLater(table: string, constraint: string, action: string): readonly Placed[] {
  const [, nulls = "", columns] = /UNIQUE( NULLS NOT DISTINCT)?\s*(\(.*\));$/s.exec(action) ?? [];
  return [
    [
      "index",
      draft(`CREATE UNIQUE INDEX "${constraint}" ON "${table}" ${columns}${nulls};`, "harbor:concurrently"),
    ],
    [
      "settle",
      draft(`ALTER TABLE "${table}" ADD CONSTRAINT "${constraint}" UNIQUE USING INDEX "${constraint}";`),
    ],
  ];
}

/** Returns the name that the server gives the key of a table when nobody does. */
function serverKey(table: string, { from, to }: SchemaChange): string {
  const { schema, bare } = placeOfName(table, schemaChanges({ from, to }).all);
  return nameIn(schema, `${cutName(bare, 58)}_pkey`);
}

function keysBefore(table: string, change: SchemaChange): readonly string[] {
  const { from, renames } = change;
  const old = tablesByName(applyRenames(from, renames)).get(table);
  const isAlone = Object.values(old?.columns ?? {}).some(({ primaryKey }) => primaryKey);
  return [
    ...Object.values(old?.compositePrimaryKeys ?? {}).map(({ name }) => name),
    ...isAlone ? [serverKey(table, change)] : [],
  ];
}

function keyColumns(table: KitTable | undefined): readonly string[] {
  const [composite] = Object.values(table?.compositePrimaryKeys ?? {});
  return composite?.columns ??
    Object.values(table?.columns ?? {}).filter(({ primaryKey }) => primaryKey).map(({ name }) => name);
}

function isKey(name: string | undefined, table: string, change: SchemaChange): boolean {
  return name !== undefined && keysBefore(table, change).includes(name);
}

/** The index is built beside those who write; the old key serves until the new one is there. */
function keyLater(
  table: string,
  key: string,
  { columns, change }: { readonly columns: string; readonly change: SchemaChange },
): readonly Placed[] {
  const index = isKey(key, table, change) ? replacementOf(key) : key;
  return [
    ["index", concurrently(`CREATE UNIQUE INDEX "${index}" ON "${table}" (${columns});`)],
    ["settle", draft(`ALTER TABLE "${table}" ADD CONSTRAINT "${key}" PRIMARY KEY USING INDEX "${index}";`)],
  ];
}

/**
 * Returns the statements for one that numbers a column otherwise, or takes away a key without a name of its own.
 * `serial` is no type that a column can be given, and drizzle-kit lets a new sequence begin below what the rows have.
 */
function numbered(sql: string, change: SchemaChange): readonly string[] {
  const { from, to, renames, isAtomic } = change;
  const [, unnamed] = /^\/\*.*table_name = '([^']+)'.*DROP CONSTRAINT "<constraint_name>";$/s.exec(sql) ?? [];
  if (unnamed !== undefined) {
    return [`ALTER TABLE "${unnamed}" DROP CONSTRAINT "${serverKey(unnamed, change)}";`];
  }
  // drizzle-kit leaves out what takes CYCLE from a sequence.
  if (/^ALTER SEQUENCE "[^"]+" INCREMENT BY .*(?<! CYCLE);$/.test(sql)) {
    return [sql.replace(/;$/, " NO CYCLE;")];
  }
  const [, table = "", column = "", action = ""] =
    /^ALTER TABLE "([^"]+)" ALTER COLUMN "([^"]+)" (.*);$/s.exec(sql) ?? [];
  const was = tablesByName(applyRenames(from, renames)).get(table)?.columns[column];
  const now = tablesByName(to).get(table)?.columns[column];
  if (was === undefined || now === undefined) return [sql];
  const alter = (what: string) => `ALTER TABLE "${table}" ALTER COLUMN "${column}" ${what};`;
  const { startWith = "1" } = (now.identity ?? {}) as { readonly startWith?: string };
  const ownSequence = `pg_get_serial_sequence(${quoteText(quoteName(table))}, ${quoteText(column)})`;
  const goOn =
    `SELECT setval(${ownSequence}, max("${column}")) FROM "${table}" HAVING max("${column}") >= ${startWith};`;
  if (/^ADD GENERATED /.test(action)) return [...was.notNull ? [] : [alter("SET NOT NULL")], sql, goOn];
  // A bridge looks at what numbers the live column, of which a snapshot says nothing.
  if (isAtomic || !/^SET DATA TYPE /.test(action)) return [sql];
  const sequence = sequenceOf(table, column, change);
  const [before, after] = [postgresType(was.type), postgresType(now.type)];
  const retyped = before === after ? [] : [alter(`SET DATA TYPE ${after}`)];
  if (isSerial(was.type) && isSerial(now.type)) {
    return [...retyped, `ALTER SEQUENCE "${sequence}" AS ${after};`];
  }
  if (isSerial(was.type) === isSerial(now.type)) return [sql];
  if (isSerial(was.type)) {
    return [alter("DROP DEFAULT"), `DROP SEQUENCE IF EXISTS "${sequence}";`, ...retyped];
  }
  return [
    ...retyped,
    `CREATE SEQUENCE "${sequence}" AS ${after} OWNED BY "${table}"."${column}";`,
    alter(`SET DEFAULT nextval(${quoteText(quoteName(sequence))})`),
    goOn,
  ];
}

/** Returns the sequence of a `serial` column, which keeps its name when table and column get others. */
function sequenceOf(table: string, column: string, change: SchemaChange): string {
  const { from, to, renames, sequences } = change;
  const oldTable = renames.tables.find((each) => each.to === table)?.from ?? table;
  const oldColumn = renames.columns.find((each) => each.table === table && each.to === column)?.from ??
    column;
  const { schema, bare } = placeOfName(oldTable, schemaChanges({ from, to }).all);
  return sequences?.get(`${oldTable}.${oldColumn}`) ?? sequences?.get(`${table}.${column}`) ??
    nameIn(schema, serialSequence(bare, oldColumn));
}

/** Returns the name of the check that stands until a column is NOT NULL. */
export function guardOf(table: string, column: string): string {
  let name = `${table}_${column}_not_null`;
  while (postgresNameOf(name) !== name) name = name.slice(1);
  return name;
}

/** A check that is known to hold spares SET NOT NULL the reading (PostgreSQL 12 and later). */
function notNullLater(table: string, column: string): readonly Placed[] {
  const guard = guardOf(table, column);
  const alter = `ALTER TABLE "${table}"`;
  return [
    [
      "guard",
      draft(
        `${alter} ADD CONSTRAINT "${guard}" CHECK ("${column}" IS NOT NULL) NOT VALID;`,
        `So that SET NOT NULL on ${table}.${column} below does not read the whole table.`,
      ),
    ],
    ["validate", draft(`${alter} VALIDATE CONSTRAINT "${guard}";`, "harbor:alone")],
    ["settle", draft(`${alter} ALTER COLUMN "${column}" SET NOT NULL;`)],
    ["settle", draft(`${alter} DROP CONSTRAINT "${guard}";`)],
  ];
}

/** Returns a name as a directive takes it. */
function parameter(name: string): string {
  return /\s/.test(name) ? quoteName(name) : name;
}

function backfills({ fills, to, isAtomic }: SchemaChange): readonly Placed[] {
  return fills.flatMap(({ table, column, value, existed }): Placed[] => {
    if (!existed && isConstant(value, "postgresql")) return [];
    const key = keyOf(tablesByName(to).get(table)!);
    const directive = key === null ? [] : [`harbor:backfill table=${parameter(table)} key=${parameter(key)}`];
    const how = key === null
      ? "in one go, since no key of one column cuts it"
      : "in batches, while others write";
    const update = `UPDATE "${table}" SET "${column}" = ${value} WHERE "${column}" IS NULL;`;
    if (isAtomic) return [["fill", draft(update)]];
    const first: Placed = [
      "fill",
      draft(update, `Fills ${table}.${column} ${how}.`, ...directive),
    ];
    if (!existed) return [first];
    return [
      first,
      [
        "refill",
        draft(update, `And what the application wrote until ${column} could not be NULL.`, ...directive),
      ],
    ];
  });
}

/** Returns the column by whose ranges a table's rows can be gone through; `null` without a key of one column. */
function keyOf({ columns }: KitTable): string | null {
  return Object.values(columns).find((column) => column.primaryKey)?.name ?? null;
}

function withConversion(sql: string, { from, to, renames }: SchemaChange): string {
  const [, table, column, type, using] =
    /^ALTER TABLE "([^"]+)" ALTER COLUMN "([^"]+)" SET DATA TYPE ([^;]+?)(?: USING (.*))?;$/s
      .exec(sql) ?? [];
  if (table === undefined || column === undefined || type === undefined) return sql;
  const before = tablesByName(applyRenames(from, renames)).get(table)?.columns[column];
  const after = tablesByName(to).get(table)?.columns[column];
  const isSameFamily = before !== undefined && staysInFamily(before.type, type);
  const plain = `"${column}"::${type}`;
  const isSaid = using !== undefined && using !== plain;
  // One that nothing leads to is only written where a hand is to mend it.
  const cast = before === undefined || after === undefined
    ? plain
    : postgresCast(before, after, type) ?? plain;
  const value = isSaid ? using : cast;
  return isSameFamily ? sql : conversion({ table, column, type, value, before, after });
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
