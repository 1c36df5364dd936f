import { HarborError } from "../../base/errors.ts";
import { type HostUse, readHost } from "../../history/host.ts";
import { headOf, type History, type Revision } from "../../history/history.ts";
import { upgradeTexts } from "../../history/plain_texts.ts";
import { schemasOfHistory } from "../../history/revision_schema.ts";
import { migrate } from "../../migrate/migrate.ts";
import { type Beginning, contextOf, type ProofSetting, withBeginning } from "./begin.ts";
import type { Ground } from "./ground.ts";
import { bringHost } from "./host.ts";
import type { LawOfRevision } from "./law.ts";
import { declaredKeys, keyOf } from "../../schema/declared_objects.ts";
import { readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { compare, type Unfilled } from "./prover.ts";
import { type ProofRange, startsOf } from "./starts.ts";

/** Returns in words which table was empty, from when on, and why. */
export function emptyText({ table, revision, reason }: Unfilled): string {
  return `${table} (from ${revision} on: ${reason})`;
}

/** What a proof did not see. */
export interface Proof {
  /** The tables that had no rows in it. */
  readonly empty: readonly Unfilled[];
  /** What was seen of the law at each revision. */
  readonly law: readonly LawOfRevision[];
  /** What it began at in the place of the scripts up to the baseline; `null` where these were run. */
  readonly ground: Ground | null;
  /** The revisions from which head was reached in one go, in order, `base` among them; the last is the one before it. */
  readonly starts: readonly string[];
  /** What stood for the host's own; `null` where nothing did. */
  readonly host: HostUse | null;
}

/**
 * Proves the revisions of a history from `first` on: runs each up, down and up again, on tables with rows in them, and
 * compares what is there each time with what the snapshots say and with what was there. Then goes from earlier revisions
 * to head in one go, as an upgrade does, and back, see {@link startsOf}, and up from the first that is not released. Those that are `released` are only run up, and in what their
 * last one leaves another schema than its snapshot says, all later ones may; where they do not run, its snapshot is made instead, see {@link Ground}.
 *
 * @throws {HarborError} `not_proven` when a script fails, leaves another schema or loses rows or values; with what and
 * where
 */
export async function proveRevisions(
  history: History,
  { first, released = 0, isUpOnly = false }: ProofRange,
  setting: ProofSetting,
): Promise<Proof> {
  const starts = isUpOnly ? [] : startsOf({ first, released }, history.revisions.length);
  const [place = 0] = starts;
  // At base there is nothing to copy; and a role that the copied one holds, no script could drop in a copy.
  const shared = isUpOnly || place === 0 || makesRoles(history, place) ? null : place;
  return await withBeginning(
    history,
    { released, shared },
    setting,
    (beginning) => walkAll(history, { first, released, isUpOnly, starts }, beginning),
  );
}

function makesRoles(history: History, place: number): boolean {
  const texts = upgradeTexts(history.revisions.slice(0, place), { schemas: schemasOfHistory(history) });
  return texts.some((text) => /\bcreate\s+(?:role|user|group)\b/i.test(text));
}

async function walkAll(
  history: History,
  { first, released, isUpOnly, starts }: Required<ProofRange> & { readonly starts: readonly number[] },
  { fromReleased, withProver, seen }: Beginning,
): Promise<Proof> {
  const { revisions } = history;
  const [nearest] = starts;
  const law: LawOfRevision[] = [];
  let refused: HarborError | null = null;
  // Where nothing is to be walked, it is still to be seen whether what is released runs.
  if (first === revisions.length && released > 0) await withProver(async () => {});
  if (isUpOnly) {
    await fromReleased(async (prover) => {
      await prover.goTo(first);
      await prover.walk({ from: first, to: revisions.length, directions: ["upgrade"] });
    });
  }
  while (!isUpOnly && law.length < revisions.length - first) {
    await withProver(async (prover) => {
      await prover.goTo(first + law.length);
      for (let from = first + law.length; from < revisions.length; from++) {
        const walk = { from, to: from + 1, directions: ["upgrade", "downgrade", "upgrade"] } as const;
        try {
          const seen = await prover.walk({ ...walk, writes: refused === null });
          law.push(seen ?? unseen(revisions[from]!, refused!));
          refused = null;
        } catch (error) {
          // What an application wrote may rightly be in the way: then without that.
          if (refused !== null || !isRefused(error)) throw error;
          refused = error.cause;
          return;
        }
      }
    });
  }
  if (nearest !== undefined && nearest > released) {
    await fromReleased(async (prover) => {
      await prover.walk({ from: released, to: revisions.length, directions: ["upgrade"] });
    });
  }
  if (nearest !== undefined) {
    await withProver(async (prover) => {
      for (const at of starts) {
        await prover.goTo(at);
        await prover.walk({ from: at, to: revisions.length, directions: ["upgrade", "downgrade"] });
      }
    });
  }
  const { ground, empty } = seen;
  const byTable = new Map(empty.toReversed().map((each) => [`${each.table}\n${each.reason}`, each]));
  const begun = nearest !== undefined && nearest > released ? [released, ...starts] : starts;
  return {
    empty: [...byTable.values()].toReversed(),
    law,
    ground,
    starts: [...begun, revisions.length - 1].map((place) => revisions[place - 1]?.id ?? "base"),
    host: useOf(history),
  };
}

/** Whether a script did not run, and not what it did was wrong. */
function isRefused(error: unknown): error is HarborError & { readonly cause: HarborError } {
  return error instanceof HarborError && error.code === "not_proven" && error.cause instanceof HarborError;
}

function unseen({ id }: Revision, { message }: HarborError): LawOfRevision {
  return {
    revision: id,
    tables: 0,
    rows: 0,
    unseen: [{ table: null, reason: `what was written for it stands in the way: ${message}` }],
  };
}

/** What the scripts of a history leave, run up on an empty database. */
export interface Left {
  /** Whether it is what the last snapshot says. */
  readonly isSame: boolean;
  /** What that does not say, beside tables: views, triggers, functions and the like. */
  readonly beyond: readonly string[];
}

/** Runs the scripts of a history up on an empty database, and looks at what they leave. */
export async function lookAtLeft(history: History, setting: ProofSetting): Promise<Left> {
  return await setting.scratch(async (database) => {
    const context = contextOf(history, database, setting);
    const brought = await bringHost(context);
    await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
    const live = await database.introspect();
    const differences = await compare(context, history.revisions.length, { brought, live });
    const head = headOf(history);
    const said = head === undefined ? new Set() : declaredKeys(readKitSnapshot(head.snapshot()));
    const beyond = live.others.map(keyOf).filter((each) => !said.has(each) && !brought.has(each));
    return { isSame: differences.length === 0, beyond };
  }, schemasOfHistory(history));
}

/** Returns the file that stands for what the host of a history brings; `null` where there is none. */
export function useOf(history: History): HostUse | null {
  const host = readHost(history);
  return host === null ? null : { file: host.file, sha256: host.sha256 };
}
