import type { Dialect } from "../../../src/base/dialect.ts";
import type {
  Check,
  Column,
  ForeignKey,
  Index,
  OtherObject,
  Snapshot,
  Table,
} from "../../../src/schema/snapshot.ts";

/** Makes a column that may be NULL, of text where nothing else is said. */
export function column(name: string, facts: Partial<Column> = {}): Column {
  return { name, type: "text", notNull: false, default: null, identity: false, ...facts };
}

/** The key that the database makes. */
export const idColumn: Column = column("id", { type: "integer", notNull: true, identity: true });

/** Makes a table with the key `id` and further columns. */
export function tableOf(name: string, columns: readonly Column[] = [], facts: Partial<Table> = {}): Table {
  return {
    name,
    columns: [idColumn, ...columns],
    primaryKey: ["id"],
    foreignKeys: [],
    indexes: [],
    uniques: [],
    checks: [],
    ...facts,
  };
}

/** Makes an index of one column. */
export function index(name: string, facts: Partial<Index> = {}): Index {
  return { name, columns: ["c"], unique: false, where: null, valid: true, ...facts };
}

/** Makes a foreign key of one column to another table's `id`. */
export function foreignKey(own: string, table: string, facts: Partial<ForeignKey> = {}): ForeignKey {
  return {
    name: null,
    columns: [own],
    table,
    references: ["id"],
    onDelete: "no action",
    onUpdate: "no action",
    valid: true,
    ...facts,
  };
}

/** Makes a check that holds for all rows. */
export function check(name: string | null, expression: string, valid = true): Check {
  return { name, expression, valid };
}

/** Makes a schema. */
export function snapshot(
  dialect: Dialect,
  tables: readonly Table[],
  others: readonly OtherObject[] = [],
): Snapshot {
  return { dialect, tables, others };
}
