import type { HistoryFolder } from "./rules/check_folder.ts";
import { decide, type Decisions } from "./rules/decisions.ts";
import { normalizeDrizzleSnapshot } from "../schema/drizzle_snapshot.ts";
import { HarborError } from "../base/errors.ts";
import { firstMisfit } from "./rules/script_fits_schema.ts";
import { buildHistory, type History, journalPath } from "../history/history.ts";
import { type KitSnapshot, originId } from "../schema/kit_snapshot.ts";
import { mergeSnapshots } from "./rules/merge_snapshots.ts";
import type { Operation } from "../sql/operations.ts";
import type { Renames } from "./rules/renames.ts";
import { revisionFiles } from "../history/revision_name.ts";
import { baseOf, type NewOrder, type TreeRevision } from "./rules/revision_tree.ts";
import { readScripts } from "./read_scripts.ts";
import { type DraftedScripts, draftScripts } from "./draft_revision.ts";
import { renderJson } from "./generate.ts";
import { proveRevisions } from "./prove.ts";
import type { RebaseRequest, RebaseResult } from "./rebase_request.ts";

/** A revision at its new place. */
export interface PlacedRevision {
  readonly revision: TreeRevision;
  readonly snapshot: KitSnapshot;
  /** Milliseconds since 1970. */
  readonly when: number;
  /** New scripts; `null` keeps the ones that it has. */
  readonly scripts: DraftedScripts | null;
  readonly rewritten?: RebaseResult["rewritten"];
}

interface Rebase {
  readonly folder: HistoryFolder;
  readonly tree: readonly TreeRevision[];
  readonly order: NewOrder;
  readonly request: RebaseRequest;
}

/** Makes the snapshots of moved revisions anew, and their scripts where the old ones do not fit any more. */
export async function rebaseDialect(rebase: Rebase): Promise<readonly PlacedRevision[]> {
  const { tree, order } = rebase;
  const placed: PlacedRevision[] = [];
  for (const revision of order.kept) {
    placed.push({ revision, snapshot: revision.snapshot, when: timeAfter(placed, revision), scripts: null });
  }
  for (const revision of order.moved) {
    const parent = placed.at(-1)?.snapshot ?? null;
    const base = baseOf(tree, revision);
    const snapshot = { ...merged(revision, base, parent), prevId: parent?.id ?? originId };
    const moved = { revision, snapshot, when: timeAfter(placed, revision), scripts: null };
    placed.push(await withFittingScripts(rebase, { placed, moved, base, parent }));
  }
  return placed;
}

/** drizzle's own migrator goes by these times, so they only rise. */
function timeAfter(placed: readonly PlacedRevision[], { when }: TreeRevision): number {
  return Math.max(when ?? 0, (placed.at(-1)?.when ?? -1) + 1);
}

function merged(revision: TreeRevision, base: KitSnapshot | null, parent: KitSnapshot | null): KitSnapshot {
  if (parent === null) return revision.snapshot;
  const empty = { ...parent, tables: {} };
  const { snapshot, conflicts } = mergeSnapshots({
    base: base ?? empty,
    mine: revision.snapshot,
    theirs: parent,
  });
  if (conflicts.length === 0) return snapshot;
  throw new HarborError(
    "bad_history",
    `Cannot move revision "${revision.id}" (${revision.name}): it and a revision before it change ${
      conflicts.join(", ")
    }, each in its own way`,
    {
      hint: `Remove its files, then: harbor-db generate "${revision.name}"`,
      details: { revision: revision.id, conflicts },
    },
  );
}

interface Candidate {
  readonly placed: readonly PlacedRevision[];
  readonly moved: PlacedRevision;
  readonly base: KitSnapshot | null;
  readonly parent: KitSnapshot | null;
}

async function withFittingScripts(rebase: Rebase, candidate: Candidate): Promise<PlacedRevision> {
  const { placed, moved, parent } = candidate;
  const { dialect } = rebase.folder;
  const history = historyOf(rebase.folder, [...placed, moved]);
  const operations = await operationsIn(history, moved.revision.id);
  const schema = parent === null ? null : normalizeDrizzleSnapshot(parent);
  const reason = (schema === null ? null : firstMisfit(operations, schema)) ?? await failure(rebase, history);
  if (reason === null) return moved;
  const scripts = await regenerate(rebase, candidate, { operations, reason });
  const anew = { ...moved, scripts };
  const after = await failure(rebase, historyOf(rebase.folder, [...placed, anew]));
  if (after !== null) {
    throw new HarborError("not_proven", after, { details: { revision: moved.revision.id } });
  }
  const [up] = revisionFiles(moved.revision.tag);
  return {
    ...anew,
    rewritten: [{ file: `${rebase.folder.folder}/${up}`, reason: `${reason} (${dialect})` }],
  };
}

async function operationsIn(history: History, id: string): Promise<readonly Operation[]> {
  const script = (await readScripts(history)).get(id) ?? [];
  return script.flatMap(({ operations }) => operations);
}

/** Proves the last revision; returns what is wrong with it. */
async function failure({ folder, request }: Rebase, history: History): Promise<string | null> {
  const setting = request.proof.get(folder.dialect);
  if (setting === undefined) return null;
  try {
    await proveRevisions(history, history.revisions.length - 1, setting);
    return null;
  } catch (error) {
    if (error instanceof HarborError && error.code === "not_proven") return error.message;
    throw error;
  }
}

/** Writes a revision's scripts anew, unless somebody wrote them by hand. */
async function regenerate(
  { folder, request }: Rebase,
  { moved, base, parent }: Candidate,
  { operations, reason }: { readonly operations: readonly Operation[]; readonly reason: string },
): Promise<DraftedScripts> {
  const { revision, snapshot } = moved;
  const empty = await request.engine.snapshot(folder.dialect, {});
  const decisions: Decisions = { renames: renamesIn(operations), dropped: "all", fills: new Map() };
  const draft = (from: KitSnapshot | null, to: KitSnapshot) =>
    draftScripts(revision.name, decide({ from: from ?? empty, to }, decisions), request.engine);
  const before = await draft(base, revision.snapshot);
  const [up, down] = revisionFiles(revision.tag);
  if (before.up === folder.files.get(up) && before.down === folder.files.get(down)) {
    return await draft(parent, snapshot);
  }
  throw new HarborError(
    "not_proven",
    `Cannot move revision "${revision.id}" (${revision.name}): its script no longer fits, and it was not written by generate alone: ${reason}`,
    {
      hint: `Remove its files, then: harbor-db generate "${revision.name}"`,
      details: { revision: revision.id },
    },
  );
}

function renamesIn(operations: readonly Operation[]): Renames {
  return {
    tables: operations.filter((each) => each.kind === "rename table").map(({ table, to }) => ({
      from: table,
      to,
    })),
    columns: operations.filter((each) => each.kind === "rename column").map(({ table, column, to }) => ({
      table,
      from: column,
      to,
    })),
  };
}

/** Returns the history as it would be with those revisions. */
function historyOf({ dialect, folder, files }: HistoryFolder, placed: readonly PlacedRevision[]): History {
  const entries = placed.map(({ revision, when }, idx) => ({ idx, when, tag: revision.tag }));
  const texts = new Map(files);
  for (const { revision, snapshot, scripts } of placed) {
    const [up, down, meta] = revisionFiles(revision.tag);
    texts.set(meta, renderJson(snapshot));
    if (scripts !== null) texts.set(up, scripts.up).set(down, scripts.down);
  }
  texts.set(journalPath, renderJson({ dialect, entries }));
  return buildHistory(dialect, { folder, read: (path) => texts.get(path) ?? null });
}
