import { type Found } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { readLedger } from "../../engines/ledger.ts";
import { aheadOf } from "../../history/ahead.ts";
import type { History } from "../../history/history.ts";
import { ledgerPlace } from "../../history/ledger/ledger.ts";
import type { State } from "../../state/state.ts";
import { judgeLedger } from "../rules/judge_ledger.ts";
import { couldNotCheck } from "./check.ts";

/** Looks at what a database has applied beyond the history, and at the ways back that it carries; nothing where all is well. */
export async function lookAtLedger(
  database: Database,
  history: History,
  { kind, applied }: Pick<State, "kind" | "applied">,
): Promise<readonly Found[]> {
  if (kind !== "managed" || applied.length === 0) return [];
  try {
    return [...lookAhead(history), ...judgeLedger(history, applied, await readLedger(database))];
  } catch (error) {
    if (error instanceof HarborError) return [couldNotCheck(error, ledgerPlace)];
    throw error;
  }
}

/** What the database has and the history does not. */
function lookAhead(history: History): readonly Found[] {
  const ahead = aheadOf(history);
  if (ahead === null) return [];
  const { revisions, known } = ahead;
  const names = revisions.map(({ id, name }) => `${id} (${name})`).join(", ");
  return [{
    status: "fail",
    message:
      `the database has ${names}, which this history does not: a newer release or another branch applied ${
        revisions.length === 1
          ? "it, and its script was compared with nothing"
          : "them, and their scripts were compared with nothing"
      }`,
    hint:
      `Verify with the release that has them. Back to what this history knows: harbor-db downgrade ${known}`,
    details: {
      ahead: revisions.map(({ id }) => id),
      known,
      notChecked: revisions.map(({ id }) => `upgrade script of ${id}`),
    },
  }];
}
