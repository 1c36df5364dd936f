import { nameIn } from "../../../sql/table_names.ts";

/** What a statement does to tables, columns and what is in them, as far as its text tells. */
export type Effect =
  /** A table is made, without rows; `isCertain` unless it may have been there. */
  | { readonly kind: "make"; readonly table: string; readonly isCertain: boolean }
  | { readonly kind: "drop"; readonly table: string }
  | { readonly kind: "rename"; readonly table: string; readonly to: string }
  /** A schema gets another name, or goes with all that is in it (`null`). */
  | { readonly kind: "rename schema"; readonly schema: string; readonly to: string | null }
  /** `isNull`: every row has NULL in it. */
  | OnColumn<"add column"> & { readonly isNull: boolean }
  | OnColumn<"drop column">
  | OnColumn<"rename column"> & { readonly to: string }
  /** Columns get values; `null` stands for all of them. `isFill`: where they have none. */
  | {
    readonly kind: "write";
    readonly table: string;
    readonly columns: readonly string[] | null;
    readonly isFill: boolean;
  }
  | { readonly kind: "more rows" | "fewer rows"; readonly table: string }
  /** Rows come from another table. */
  | Copy
  /** It may do anything. */
  | { readonly kind: "hidden" };

interface OnColumn<Kind extends string> {
  readonly kind: Kind;
  readonly table: string;
  readonly column: string;
}

/** `INSERT INTO table (…) SELECT … FROM source`. */
export interface Copy {
  readonly kind: "copy";
  readonly table: string;
  readonly source: string;
  readonly columns: readonly CopiedColumn[];
  /** Whether all rows come. */
  readonly isWhole: boolean;
}

/** A column of a copy. */
export interface CopiedColumn {
  readonly column: string;
  /** The column that it is taken from as it is, or filled where that has none; `null` for one that is worked out. */
  readonly from: string | null;
  readonly isFilled: boolean;
}

/**
 * Returns a map of tables as they are called when a schema has another name; without them when it is gone.
 */
export function withSchemaRenamed<T>(
  tables: ReadonlyMap<string, T>,
  { schema, to }: Extract<Effect, { readonly kind: "rename schema" }>,
): ReadonlyMap<string, T> {
  return new Map([...tables].flatMap(([name, table]): readonly (readonly [string, T])[] => {
    if (!name.startsWith(`${schema}.`)) return [[name, table]];
    return to === null ? [] : [[nameIn(to, name.slice(schema.length + 1)), table]];
  }));
}
