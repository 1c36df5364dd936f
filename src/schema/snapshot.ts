import type { Dialect } from "../base/dialect.ts";

/**
 * A schema in normal form: what a live database has, or what a revision leaves behind.
 *
 * Two snapshots of the same schema are equal whichever way they were obtained, so everything that the
 * engines write in more than one way is brought to one spelling: types as SQLite declares them in upper case
 * (`VARCHAR(36)`) or as PostgreSQL's `format_type` prints them (`character varying(36)`); a serial column as its
 * integer type with `identity`. Tables, indexes, keys and checks are in the order of their names; columns in theirs.
 * harbor-db's own tables (`harbor_…`), engine tables (`sqlite_…`) and the version tables of other tools
 * (`alembic_version`, `__drizzle_migrations`, `d1_migrations`) are left out.
 */
export interface Snapshot {
  readonly dialect: Dialect;
  /**
   * Schemas beside the default one in which there may be something (PostgreSQL); left out without any. What is in them is
   * called `schema.name`: tables, indexes, types, views.
   */
  readonly schemas?: readonly string[];
  readonly tables: readonly Table[];
  /** Views, triggers and the like: kept, listed, and compared where schema.ts declares them. */
  readonly others: readonly OtherObject[];
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Names of the key's columns, in key order; empty without a key. */
  readonly primaryKey: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly indexes: readonly Index[];
  readonly uniques: readonly Unique[];
  readonly checks: readonly Check[];
  /**
   * What its DDL says and this form has no place for (`AUTOINCREMENT`, `COLLATE NOCASE`): SQLite's table rebuild would
   * lose it. Left out when there is nothing. Not compared.
   */
  readonly peculiarities?: readonly string[];
  /**
   * The tables that inherit from it (PostgreSQL): their rows are read with its own, and its key does not tell them apart. Left out
   * when there are none. Not compared.
   */
  readonly heirs?: readonly string[];
}

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /**
   * The DDL default as an SQL expression in normal form, `null` without one (and for `identity`). What a generated
   * column is made of stands here, too: `GENERATED ALWAYS AS (a + 1) STORED`.
   */
  readonly default: string | null;
  /** Whether the database makes the value: SQLite's `INTEGER` primary key, PostgreSQL's serial or identity. */
  readonly identity: boolean;
  /** Whether an identity column takes a number that a program gives (PostgreSQL); left out where that is not said, as of serial. */
  readonly numbered?: "always" | "by default";
  /** The values of an enum type (PostgreSQL), in order; left out for any other type. */
  readonly values?: readonly string[];
}

export interface ForeignKey {
  /** `null` on SQLite, which does not keep it reliably. Not compared. */
  readonly name: string | null;
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
  /** `no action`, `cascade`, `set null`, `set default` or `restrict`. */
  readonly onDelete: string;
  readonly onUpdate: string;
  /** Whether existing rows are known to satisfy it (PostgreSQL's `NOT VALID` leaves false). */
  readonly valid: boolean;
  /**
   * The operators by which the other table's columns are compared with its own, as `OPERATOR(…)` names them (PostgreSQL); left out where all are
   * the server's. Not compared.
   */
  readonly operators?: readonly string[];
}

export interface Index {
  readonly name: string;
  /**
   * Column names or expressions, in order, each with what is not the rule: `name DESC`, and on PostgreSQL
   * `name NULLS FIRST` and the like.
   */
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** The condition of a partial index as an SQL expression. */
  readonly where: string | null;
  /** False for what an interrupted `CREATE INDEX CONCURRENTLY` leaves on PostgreSQL; always true on SQLite. */
  readonly valid: boolean;
  /** Its access method (PostgreSQL); left out where that is `btree`. */
  readonly method?: string;
  /** How it compares the values of its columns, one each (PostgreSQL); left out where all are compared as is the rule. */
  readonly comparing?: readonly IndexComparing[];
}

export interface IndexComparing {
  /** A collation that is not the column's own. */
  readonly collation?: string;
  /** Of a live index one that is not the rule for its type and method; of a snapshot the one that it names. */
  readonly operatorClass?: string;
  /** The one that is the rule, where {@link operatorClass} is left out; of a live index that is no B-tree. */
  readonly usualClass?: string;
}

/** A UNIQUE constraint of the table's DDL; a unique index made on its own is an {@link Index}. */
export interface Unique {
  /** `null` where the engine made the name up (SQLite). */
  readonly name: string | null;
  readonly columns: readonly string[];
  /** That two NULLs are the same to it (PostgreSQL's NULLS NOT DISTINCT); left out where they are not. */
  readonly nullsAlike?: true;
}

export interface Check {
  readonly name: string | null;
  readonly expression: string;
  readonly valid: boolean;
}

export interface OtherObject {
  readonly kind:
    | "view"
    | "materialized view"
    | "trigger"
    | "policy"
    | "function"
    | "sequence"
    | "type"
    | "table"
    // Those below stand in no snapshot; backups name them when they do not carry them.
    | "aggregate"
    | "procedure"
    | "foreign table"
    | "rule"
    | "policy"
    | "statistics object"
    | "extension"
    | "publication"
    | "subscription"
    | "server"
    | "event trigger"
    | "grant"
    | "owner"
    | "large objects"
    | "objects";
  readonly name: string;
  /** The table that a trigger or policy hangs on. */
  readonly table: string | null;
  /** Its DDL where the engine gives it. */
  readonly sql: string | null;
  /** Whether schema.ts declares it, or did. */
  readonly isDeclared?: true;
  /** The columns, as `table.column`, whose types it holds fast (PostgreSQL); left out without any. */
  readonly holds?: readonly string[];
  /** When a trigger fires, where that is not always (PostgreSQL): `D` never, `R` and `A` by the session's role. */
  readonly fires?: "D" | "R" | "A";
}
