import { schemaChanges } from "../../../../schema/flat_schemas.ts";
import { serialSequence } from "../../../../sql/cut_name.ts";
import { isSerial, postgresType } from "../../../../sql/postgres_spelling.ts";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import { nameIn, placeOfName } from "../../../../sql/table_names.ts";
import { applyRenames, tablesByName } from "../../change/renames.ts";
import type { SchemaChange } from "../../change/stages.ts";
import { serverKey } from "./keys.ts";

/**
 * Returns the statements for one that numbers a column otherwise, or takes away a key without a name of its own.
 * `serial` is no type that a column can be given, and drizzle-kit lets a new sequence begin below what the rows have.
 */
export function numbered(sql: string, change: SchemaChange): readonly string[] {
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
