/** What a statement does, in words that both dialects share. */
export type Operation =
  | On<"create table"> & {
    /** The names of its unique constraints, where they have one. */
    readonly uniques?: readonly string[];
  }
  | On<"drop table" | "update" | "delete" | "insert" | "truncate" | "read all">
  | On<"rename table"> & { readonly to: string }
  | OnColumn<"drop column" | "set not null" | "drop not null" | "set default" | "drop default">
  | OnColumn<"rename column"> & { readonly to: string }
  | OnColumn<"add column"> & {
    readonly notNull: boolean;
    /** `each row`: it has to be worked out for every row. */
    readonly value: "none" | "one for all" | "each row";
  }
  | OnColumn<"change type"> & {
    /** In the spelling of a snapshot. */
    readonly type: string;
    /** Whether it is worked out by an expression and not by a plain cast. */
    readonly isComputed: boolean;
  }
  | On<"add constraint"> & {
    readonly name: string;
    readonly constraint: "check" | "foreign key" | "unique" | "primary key" | "exclusion";
    /** Whether the rows that exist are left for later. */
    readonly isNotValid: boolean;
    readonly usesIndex: boolean;
    /** The column of which the check says that it is not NULL. */
    readonly notNullOf: string | null;
  }
  | On<"validate constraint" | "drop constraint"> & { readonly name: string }
  | On<"rename constraint"> & { readonly name: string; readonly to: string }
  | On<"create index"> & {
    readonly index: string;
    readonly isUnique: boolean;
    readonly isConcurrent: boolean;
  }
  | { readonly kind: "drop index"; readonly index: string; readonly isConcurrent: boolean }
  | { readonly kind: "rename index"; readonly index: string; readonly to: string }
  /** The table is copied into a new one that takes its place. */
  | On<"rebuild table">
  /** A table's rows are written anew where they are. */
  | On<"rewrite table"> & { readonly by: string }
  | On<"lock table"> & { readonly by: string }
  /** Runs outside of a transaction only, or does nothing in one. */
  | { readonly kind: "not in a transaction"; readonly what: string }
  /** Something else than a table, and what a table has, is made. */
  | { readonly kind: "create other"; readonly what: OtherKind; readonly name: string }
  /** The same goes, with what depends on it where that is said. */
  | {
    readonly kind: "drop other";
    readonly what: OtherKind;
    readonly name: string;
    readonly isCascade: boolean;
  }
  /** The same, or a table, gets another schema; or the same another name, or a value of a type. */
  | {
    readonly kind: "rename other";
    readonly what: OtherKind | "table";
    readonly name: string;
    /** The value of the type that does, and not the type itself; left out for anything else. */
    readonly value?: string;
    readonly to: string;
  }
  /** A value is added to a type. */
  | { readonly kind: "add enum value"; readonly what: string }
  /** What it does cannot be seen in its text. */
  | { readonly kind: "hidden"; readonly what: string }
  /** Names the schema of something. */
  | { readonly kind: "names schema"; readonly schema: string };

/** What queries of an application name, beside tables and columns. */
export type OtherKind = "schema" | "type" | "domain" | "function" | "procedure" | "view";

interface On<Kind extends string> {
  readonly kind: Kind;
  readonly table: string;
}

interface OnColumn<Kind extends string> extends On<Kind> {
  readonly column: string;
}
