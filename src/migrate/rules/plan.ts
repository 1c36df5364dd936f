import { counted } from "../../base/quantity.ts";
import { resolveTarget } from "../../history/target.ts";
import { aheadOf } from "../../history/ahead.ts";
import { type Applied, type Direction, locate } from "../../history/applied.ts";
import { HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import { refuseGarbled } from "../../history/scripts/refuse_garbled.ts";
import type { Script } from "../../history/scripts/script.ts";

/** One revision to upgrade or downgrade. */
export interface Step {
  readonly revision: Revision;
  readonly direction: Direction;
  readonly script: Script;
  /** Where an interrupted run left off; `null` for a fresh start. */
  readonly resume: Pick<Applied, "statementsDone" | "startedAt"> | null;
}

/** Says where a step's script comes from: the history, or the database's own ledger. */
export function sourceOf({ script }: Pick<Step, "script">): ScriptSource {
  return script.isRecorded === true ? "ledger" : "history";
}

/** See {@link sourceOf}. */
export type ScriptSource = "history" | "ledger";

/** Where a command is to go. `text` is a target as the user writes it: `head`, `base`, an id or prefix, `+n`, `-n`. */
export interface Goal {
  readonly direction: Direction;
  readonly text: string;
}

/** Returns the goal that means the same place also when another harbor-db moved the database meanwhile. */
export function settleGoal(goal: Goal, { to }: { readonly to: string | null }): Goal {
  return /^[+-]\d+$/.test(goal.text) ? { ...goal, text: to ?? "base" } : goal;
}

/**
 * Returns the steps that take a database from what it has applied to the goal.
 *
 * Pure: the same arguments always give the same steps, so `upgrade --dry-run` prints exactly what `upgrade` would
 * run. `applied` may be in any order.
 *
 * @returns The steps in running order; empty when already there
 * @throws {HarborError} `missing_revision`, `out_of_order` or `checksum_mismatch` when history and database disagree ·
 * `unfinished` when a revision stopped half way in the other direction · `irreversible` when a step down has no script ·
 * `unknown_target`, `ambiguous_target`, `wrong_direction` for a goal that cannot be · `bad_script`
 */
export function plan(history: History, applied: readonly Applied[], goal: Goal): readonly Step[] {
  const steps = stepsTo(history, applied, goal);
  for (const { script, resume } of steps) refuseGarbled(script, resume);
  return steps;
}

function stepsTo(history: History, applied: readonly Applied[], goal: Goal): readonly Step[] {
  const position = locate(history, applied);
  if (goal.direction === "upgrade") refuseBeyond(history, goal);
  const target = resolveTarget(history, position.done, goal.text);
  const { unfinished, done } = position;
  if (unfinished !== null && unfinished.direction !== goal.direction) {
    throw halfWay(history, unfinished, goal);
  }
  if (goal.direction === "upgrade") {
    if (target < done) throw wrongWay(history, goal, { target, done });
    return history.revisions.slice(done, target).map((revision, index) => ({
      revision,
      direction: goal.direction,
      script: revision.upgrade(),
      resume: index === 0 ? unfinished : null,
    }));
  }
  // A downgrade under way still counts as done: its row is there until its last statement.
  if (target > done) throw wrongWay(history, goal, { target, done });
  return history.revisions.slice(target, done).toReversed().map((revision, index) => ({
    revision,
    direction: goal.direction,
    script: revision.downgrade() ?? noWayBack(revision),
    resume: index === 0 ? unfinished : null,
  }));
}

function wrongWay(
  history: History,
  goal: Goal,
  at: { readonly target: number; readonly done: number },
): HarborError {
  const other = goal.direction === "upgrade" ? "downgrade" : "upgrade";
  const nameAt = (count: number) => count === 0 ? "base" : history.revisions[count - 1]!.id;
  return new HarborError(
    "wrong_direction",
    `Cannot ${goal.direction} to "${goal.text}": the database is at ${nameAt(at.done)}, which is ${
      at.target < at.done ? "after" : "before"
    } it`,
    { hint: `harbor-db ${other} ${nameAt(at.target)}` },
  );
}

/** Whoever does not know all that a database has does not know what an upgrade would meet. */
function refuseBeyond(history: History, goal: Goal): void {
  const ahead = aheadOf(history);
  if (ahead === null) return;
  const { revisions, known } = ahead;
  throw new HarborError("missing_revision", `Cannot upgrade to "${goal.text}"`, {
    state: `the database has ${
      revisions.map(({ id, name }) => `${id} (${name})`).join(", ")
    }, and this history does not: a newer release or another branch made ${
      revisions.length === 1 ? "it" : "them"
    }`,
    hint: [
      `To go back to what this history knows: harbor-db downgrade ${known}`,
      "To go on, use the release that has them.",
    ],
    details: { revision: revisions[0].id, ahead: revisions.map(({ id }) => id), known },
  });
}

function halfWay({ revisions }: History, row: Applied, goal: Goal): HarborError {
  const isUnknown = revisions.some(({ id, ledger }) => id === row.revision && ledger !== undefined);
  return new HarborError(
    "unfinished",
    `Cannot ${goal.direction} to "${goal.text}": the ${row.direction} of ${row.revision} (${row.name}) stopped half way, after ${
      counted(row.statementsDone, "statement")
    }`,
    {
      hint: isUnknown && row.direction === "upgrade"
        ? `Only a release that has the revision can finish it (harbor-db ${row.appliedBy} began it). Or restore a backup: harbor-db backup list`
        : row.direction === "upgrade"
        ? `harbor-db upgrade ${row.revision}`
        : "harbor-db downgrade -1",
      details: { revision: row.revision, statementsDone: row.statementsDone },
    },
  );
}

function noWayBack(revision: Revision): never {
  throw new HarborError(
    "irreversible",
    `Cannot downgrade "${revision.id}" (${revision.name}): it has no downgrade script`,
    {
      hint: revision.ledger === undefined
        ? `Write ${revision.files[1]}, or restore a backup: harbor-db backup list`
        : "The release that applied it had none. Restore a backup: harbor-db backup list",
    },
  );
}
