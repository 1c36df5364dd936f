import type { DecidedFill } from "../../author/rules/change_stages.ts";
import type { Snapshot } from "../../schema/snapshot.ts";

/** One statement of a bridge, without its semicolon. */
export interface BridgeStatement {
  readonly sql: string;
  /** Whether it changes nothing that stays, and fails when a value was about to be lost. */
  readonly isGuard: boolean;
}

/** What a bridge leads from and to, and what rows get on the way. */
export interface BridgeSubject {
  readonly live: Snapshot;
  readonly target: Snapshot;
  readonly fills: readonly DecidedFill[];
}

/** With this word and a table's name fails a statement that finds a value changed. */
export const guardWord = "harbor_guard";

/** Makes a statement of a bridge. */
export function step(sql: string): BridgeStatement {
  return { sql: sql.trim().replace(/;$/, ""), isGuard: false };
}

/** Makes a statement that watches over a bridge. */
export function guard(sql: string): BridgeStatement {
  return { sql, isGuard: true };
}
