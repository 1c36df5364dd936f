import { isGenerated } from "./generated.ts";
import type { Table } from "./snapshot.ts";

/** A table's columns, as far as they matter to who reads and writes its rows. */
export interface TableColumns {
  readonly name: string;
  readonly columns: readonly {
    readonly name: string;
    /** Whether a new row has to give it a value. */
    readonly isNeeded: boolean;
    /** Whether the database makes its value out of others, so that nobody writes there. */
    readonly isGenerated: boolean;
  }[];
}

/** Returns that of a table in a snapshot. */
export function tableColumns({ name, columns }: Table): TableColumns {
  return {
    name,
    columns: columns.map((column) => ({
      name: column.name,
      isNeeded: column.notNull && column.default === null && !column.identity,
      isGenerated: isGenerated(column),
    })),
  };
}
