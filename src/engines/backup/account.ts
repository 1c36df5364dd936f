import { identityForm } from "./content.ts";

/** What is read of a copy to know what it says of itself: harbor-db's own tables and Alembic's, as far as they have these columns. */
export const accountTables = {
  harbor_identity: ["identity"],
  harbor_version: ["revision", "direction", "finished_at"],
  harbor_ledger: ["revision", "parent"],
  alembic_version: ["version_num"],
} as const;

export type AccountTable = keyof typeof accountTables;

/** A row of one of them by its columns, NULL as `null`. */
export type AccountRow = Readonly<Record<string, unknown>>;

/** What a copy says of itself, for comparing it with what its manifest says. */
export interface Account {
  /** Of which database it is; `null`: it has no identity, `undefined`: what it has is none. */
  readonly identity: string | null | undefined;
  /** `null` without a version table, as in a database that nobody took over. */
  readonly standing: Standing | null;
  /** What Alembic's version table says; empty without one. */
  readonly alembic: readonly string[];
}

/** The revisions in a copy's version table, and of those that are done which others come after. */
export interface Standing {
  readonly done: readonly string[];
  readonly unfinished: readonly string[];
  /** None where it has no ledger. */
  readonly parents: readonly string[];
}

/** Whether a table is one that an account is read from. */
export function isAccountTable(name: string, columns: readonly string[]): name is AccountTable {
  return Object.hasOwn(accountTables, name) &&
    accountTables[name as AccountTable].every((column) => columns.includes(column));
}

/** Puts an account together of the rows of the tables that are there. */
export function accountOf(rows: ReadonlyMap<AccountTable, readonly AccountRow[]>): Account {
  const version = rows.get("harbor_version");
  return {
    identity: identityIn(rows.get("harbor_identity") ?? []),
    standing: version === undefined ? null : standingOf(version, rows.get("harbor_ledger") ?? []),
    alembic: (rows.get("alembic_version") ?? []).map((row) => String(row["version_num"])),
  };
}

function identityIn([only, second]: readonly AccountRow[]): Account["identity"] {
  if (only === undefined) return null;
  const text = String(only["identity"]);
  return second === undefined && identityForm.test(text) ? text : undefined;
}

function standingOf(version: readonly AccountRow[], ledger: readonly AccountRow[]): Standing {
  const isOpen = (row: AccountRow) => row["finished_at"] === null;
  const names = (rows: readonly AccountRow[]) => rows.map((row) => String(row["revision"]));
  // A revision that is being undone is still there.
  const done = names(version.filter((row) => !isOpen(row) || row["direction"] === "downgrade"));
  return {
    done,
    unfinished: names(version.filter(isOpen)),
    parents: ledger.filter((row) => row["parent"] !== null && done.includes(String(row["revision"])))
      .map((row) => String(row["parent"])),
  };
}
