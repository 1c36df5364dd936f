import { Buffer } from "node:buffer";
import { quoteName } from "../../../sql/quote.ts";
import {
  type Account,
  accountOf,
  type AccountRow,
  type AccountTable,
  accountTables,
  isAccountTable,
} from "../../backup/account.ts";
import type { Session } from "../session/session.ts";
import { query } from "./session.ts";
import { listTables } from "./tables.ts";

/** Reads what a copy that was restored aside says of itself. */
export async function readAccount(session: Session, home: string): Promise<Account> {
  const found = new Map<AccountTable, readonly AccountRow[]>();
  for (const { name, columns } of await listTables(session, [home])) {
    if (!isAccountTable(name, columns)) continue;
    const wanted = accountTables[name].join(", ");
    found.set(name, await query(session, `SELECT ${wanted} FROM ${quoteName(home)}.${quoteName(name)}`));
  }
  return accountOf(found);
}

/** Gathers the same out of the rows of a copy that is read back. */
export interface AccountReader {
  /** Passes on a table's rows. */
  of(
    table: { readonly name: string; readonly columns: readonly string[] },
    rows: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array>;
  account(): Account;
}

/** Begins to gather. */
export function openAccountReader(): AccountReader {
  const found = new Map<AccountTable, readonly AccountRow[]>();
  return {
    of: ({ name, columns }, rows) => isAccountTable(name, columns) ? gather(name, columns, rows) : rows,
    account: () => accountOf(found),
  };

  async function* gather(name: AccountTable, columns: readonly string[], rows: AsyncIterable<Uint8Array>) {
    const pieces: Uint8Array[] = [];
    for await (const piece of rows) {
      pieces.push(Uint8Array.from(piece));
      yield piece;
    }
    // A value's own tabs and line ends are escaped.
    const lines = Buffer.concat(pieces).toString().split("\n").filter((line) => line !== "");
    found.set(
      name,
      lines.map((line) => {
        const values = line.split("\t").map((value) => value === "\\N" ? null : value);
        return Object.fromEntries(columns.map((column, place) => [column, values[place]]));
      }),
    );
  }
}
