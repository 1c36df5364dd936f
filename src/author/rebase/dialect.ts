import { quoteForShell } from "../../base/quote_shell.ts";
import { type HistoryFolder, historyIn } from "../rules/folder/history_folder.ts";
import { compareSnapshots } from "../../schema/compare/snapshots.ts";
import { decide } from "../rules/change/decisions.ts";
import { normalizeDrizzleSnapshot } from "../../schema/drizzle_snapshot.ts";
import { HarborError } from "../../base/errors.ts";
import { type History, journalPath } from "../../history/history.ts";
import { canonical } from "../../schema/same_schema.ts";
import type { KitEnds, KitSnapshot } from "../../schema/kit_snapshot.ts";
import { originId } from "../../schema/kit_ends.ts";
import { mergeSnapshots } from "../rules/merge_snapshots.ts";
import { netRenames } from "../rules/change/rename_order.ts";
import type { Renames } from "../rules/change/renames.ts";
import { idsOf, revisionFiles } from "../../history/revision_name.ts";
import { tagsIn } from "../rules/journal_entries.ts";
import { baseOf, moveBehind, readSnapshot, tagsBehind, type TreeRevision } from "../rules/revision_tree.ts";
import { textAt } from "../project/git_branch.ts";
import { readReleased } from "../project/baseline.ts";
import { readScripts } from "../project/read_scripts.ts";
import { allowHazards, withoutAllowances } from "../allow_hazards.ts";
import { draftScripts } from "../draft_revision.ts";
import { renderJson } from "../generate.ts";
import { proveRevisions } from "../proof/prove.ts";
import { placeFiles } from "./place.ts";
import type { RebaseRequest, RebaseResult } from "./request.ts";

/** What is moved, of one dialect. */
export interface DialectRebase {
  readonly folder: HistoryFolder;
  readonly tree: readonly TreeRevision[];
  /** The ids of the revisions that go behind the others. */
  readonly moved: ReadonlySet<string>;
  /** The commit that git replays something of, as it was before that; `null` where it replays nothing. */
  readonly madeOn: string | null;
  readonly request: RebaseRequest;
}

/** What comes of it. */
export interface RebasedDialect {
  /** The texts of files, by path below the dialect's folder, `null` of those that go; some may be as they were. */
  readonly files: ReadonlyMap<string, string | null>;
  readonly renumbered: RebaseResult["renumbered"];
  readonly rewritten: RebaseResult["rewritten"];
  /** The first revision without a way back, for which all were only run up; `null` where each has one. */
  readonly upOnly: string | null;
  /** What stood for what the host brings where it was proven. */
  readonly hosts: RebaseResult["hosts"];
  /** The snapshot that it was begun at in the place of scripts. */
  readonly grounds: RebaseResult["grounds"];
}

/** The change that a revision makes. */
interface Change {
  readonly revision: TreeRevision;
  readonly renames: Renames;
  /** What the revision was made on and what it left behind. */
  readonly old: KitEnds;
  /** The same at its new place. */
  readonly now: KitEnds;
}

/**
 * Makes the snapshots of the moved revisions and the journal anew. A script that `generate` would write in the same
 * way at the new place stays; one that it would not is generated again, unless somebody had a hand in it.
 *
 * @throws {HarborError} `bad_history` when two changes exclude each other; `not_proven` when a script written by hand
 * does not fit any more, or what comes of it fails
 */
export async function rebaseDialect(
  { folder, tree, moved, madeOn, request }: DialectRebase,
): Promise<RebasedDialect> {
  const order = moveBehind(tree, moved);
  const tags = tagsBehind(order);
  const files = placeFiles(folder, order, tags);
  const ids = idsOf([...order.kept.map(({ tag }) => tag), ...tags]).slice(order.kept.length);
  const renames = await renamesIn(historyIn(folder, files));
  const empty = await request.engine.snapshot(folder.dialect, {});
  const rewritten: RebaseResult["rewritten"][number][] = [];
  let parent = order.moved.length === 0 ? undefined : order.kept.at(-1)?.snapshot();
  for (const [at, revision] of order.moved.entries()) {
    const base = await baseAt(madeOn, revision, { folder, dir: request.dir }) ?? baseOf(tree, revision);
    const old = { from: base ?? empty, to: revision.snapshot() };
    const from = parent ?? empty;
    const to = { ...merged(revision, old, from), prevId: parent?.id ?? originId };
    const [up, down, meta] = revisionFiles(tags[at]!);
    files.set(meta, renderJson(to));
    const change = { revision, renames: renames(ids[at]!), old, now: { from, to } };
    const again = await generateAgain(folder, change, request);
    if (again !== null) {
      files.set(up, again.up).set(down, again.down);
      rewritten.push({ file: `${folder.folder}/${up}`, reason: again.reason });
    }
    parent = to;
  }
  const setting = request.proof.get(folder.dialect);
  let upOnly: string | null = null;
  const hosts: RebaseResult["hosts"][number][] = [];
  const grounds: RebaseResult["grounds"][number][] = [];
  if (setting !== undefined && order.moved.length > 0) {
    const history = historyIn(folder, files);
    const released = readReleased(request.dir, history);
    upOnly = history.revisions.slice(released).find((each) => each.downgradeText() === null)?.id ?? null;
    const range = { first: order.kept.length, released, isUpOnly: upOnly !== null };
    const { host, ground } = await proveRevisions(history, range, setting);
    if (host !== null) hosts.push({ dialect: folder.dialect, ...host });
    if (ground !== null) grounds.push({ dialect: folder.dialect, ...ground });
  }
  const renumbered = order.moved.flatMap(({ tag }, at) =>
    tag === tags[at] ? [] : [{ from: tag, to: tags[at]! }]
  );
  return { files, renumbered, rewritten, upOnly, hosts, grounds };
}

/** Returns what a revision that git replays was made on: in the folder that may have been moved by now. */
async function baseAt(
  commit: string | null,
  { ends }: TreeRevision,
  { folder: { place }, dir }: { readonly folder: HistoryFolder; readonly dir: string },
): Promise<KitSnapshot | null> {
  if (commit === null) return null;
  const tag = tagsIn(await textAt(commit, dir, place + journalPath) ?? "").at(-1);
  const path = tag === undefined ? null : place + revisionFiles(tag)[2];
  const text = path === null ? null : await textAt(commit, dir, path);
  if (path === null || text === null) return null;
  const snapshot = readSnapshot(text, `${commit}:${path}`);
  return snapshot.id === ends.prevId ? snapshot : null;
}

/** Returns the scripts for the new place when they are others, and why they are; `null` when they are the same. */
async function generateAgain({ dialect, files }: HistoryFolder, change: Change, { engine }: RebaseRequest) {
  const { revision: { id, name, tag }, renames, old, now } = change;
  const draft = (ends: KitEnds) =>
    draftScripts(name, decide(ends, { renames, dropped: "all", fills: new Map() }), engine);
  const [before, after] = [await draft(old), await draft(now)];
  if (before.up === after.up && before.down === after.down) return null;
  const reason = whatCameBefore(old, now);
  const [up, down] = revisionFiles(tag);
  const { plain, allowances } = withoutAllowances(files.get(up) ?? "");
  if (before.up === plain && before.down === files.get(down)) {
    const { text } = await allowHazards(after.up, { ...now, dialect, name }, allowances);
    return { ...after, up: text, reason };
  }
  throw new HarborError(
    "not_proven",
    `Cannot move revision "${id}" (${name}): its script was not written by generate alone, and does not fit any more: ${reason}`,
    { hint: `Remove its files, then: harbor-db generate ${quoteForShell(name)}`, details: { revision: id } },
  );
}

/** Says what became, before a revision's turn now comes, of the tables that it changes. */
function whatCameBefore(old: KitEnds, now: KitEnds): string {
  const touched = Object.keys({ ...old.from.tables, ...old.to.tables }).filter((name) =>
    canonical(old.from.tables[name]) !== canonical(old.to.tables[name])
  );
  const tablesOf = (snapshot: KitSnapshot) => {
    const tables = Object.entries(snapshot.tables).filter(([name]) => touched.includes(name));
    return normalizeDrizzleSnapshot({ ...snapshot, tables: Object.fromEntries(tables) });
  };
  const words = { extra: "was added", missing: "was dropped", changed: "was changed" } as const;
  const said = compareSnapshots(tablesOf(old.from), tablesOf(now.from))
    .map(({ kind, path }) => `${path} ${words[kind]} before it`);
  return said.length > 0 ? said.join("; ") : "what it refers to was changed before it";
}

function merged(revision: TreeRevision, { from: base, to: mine }: KitEnds, theirs: KitSnapshot): KitSnapshot {
  const { snapshot, conflicts } = mergeSnapshots({ base, mine, theirs });
  if (conflicts.length === 0) return snapshot;
  throw new HarborError(
    "bad_history",
    `Cannot move revision "${revision.id}" (${revision.name}): it and a revision before it change ${
      conflicts.join(", ")
    }, each in its own way`,
    {
      hint: `Remove its files, then: harbor-db generate ${quoteForShell(revision.name)}`,
      details: { revision: revision.id, conflicts },
    },
  );
}

/** Reads what the scripts rename, which no snapshot says. */
async function renamesIn(history: History): Promise<(revision: string) => Renames> {
  const scripts = await readScripts(history);
  return (id) => {
    const operations = (scripts.get(id) ?? []).flatMap(({ operations }) => operations);
    return {
      tables: operations.flatMap((each) =>
        each.kind === "rename table" ? [{ from: each.table, to: each.to }] : []
      ),
      // One that is made anew under its name is put aside by another.
      types: operations.flatMap((each) =>
        each.kind === "rename other" && each.what === "type" && each.value === undefined &&
          !operations.some((made) => made.kind === "create other" && made.name === each.name)
          ? [{ from: each.name, to: each.to }]
          : []
      ),
      columns: netRenames(
        operations.flatMap((each) =>
          each.kind === "rename column" ? [{ table: each.table, from: each.column, to: each.to }] : []
        ),
        history.dialect,
      ),
    };
  };
}
