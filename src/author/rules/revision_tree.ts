import { HarborError } from "../../base/errors.ts";
import { parseJson } from "../../base/json_schema.ts";
import { keepOneSide, markedState, markLine, sidesOf } from "../../base/merge_marks.ts";
import { coveredFolder, journalPath, scriptChecksum } from "../../history/history.ts";
import { idsOf, isOwnTag, revisionFiles, revisionName } from "../../history/revision_name.ts";
import { originId } from "../../schema/kit_ends.ts";
import { type KitSnapshot, readKitSnapshot } from "../../schema/kit_snapshot.ts";
import type { HistoryFolder } from "./folder/history_folder.ts";
import { looseEntries } from "./journal_entries.ts";

/** A revision as its files say, whatever the journal says. */
export interface TreeRevision {
  readonly id: string;
  readonly tag: string;
  readonly name: string;
  /** Of its upgrade script. */
  readonly checksum: string;
  /** Milliseconds since 1970; `null` when the journal does not name it. */
  readonly when: number | null;
  /** All that the journal says of it. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Its own id as its snapshot has it, and that of what it was made on. */
  readonly ends: Pick<KitSnapshot, "id" | "prevId">;
  /** What its snapshot's file holds, or held before the merge; `null` when there is none. */
  readonly snapshotText: string | null;
  /**
   * Returns what it leaves behind. Only what is moved, and what it is moved behind, has to have one.
   *
   * @throws {HarborError} `bad_history` when there is none
   */
  snapshot(): KitSnapshot;
}

/**
 * Reads the revisions of a folder, in the order of its journal and then of their names. Where a merge left its marks, those of
 * both sides. A revision without a snapshot stands where the journal has it.
 *
 * @param head The tags that HEAD's journal has: git may make one of two journals, and none of two snapshots with one number
 * @throws {HarborError} `bad_history` when a snapshot cannot be read, or a merge left something that only a person can tell
 */
export function readTree(
  folder: HistoryFolder,
  head: ReadonlySet<string> = new Set(),
): readonly TreeRevision[] {
  const marked = [...folder.files].filter(([path, text]) => path.endsWith(".json") && markLine(text) !== null)
    .map(([path]) => path);
  const sides = marked.length === 0 ? [folder] : ([0, 1] as const).map((side) => ({
    ...folder,
    files: new Map([
      ...folder.files,
      ...marked.map((path) => [path, sidesOf(folder.files.get(path)!)[side]] as const),
    ]),
  }));
  const isOwn = (tag: string) => head.has(tag);
  const [own = [], other = []] = sides.map((each, side) =>
    readSide(
      each,
      (tag, twins) =>
        !marked.includes(revisionFiles(tag)[2]) || !twins.some(isOwn) || isOwn(tag) === (side === 0),
    )
  );
  const revisions = [
    // Of a revision that only the other side's journal names, that one knows more.
    ...own.map((each) => (each.when === null ? other.find((twin) => isSame(each, twin)) : null) ?? each),
    ...other.filter((each) => !own.some((twin) => isSame(each, twin))),
  ];
  refuseUnclear(folder, { marked, sides: [own, other], revisions });
  const ids = idsOf(revisions.map(({ tag }) => tag));
  return revisions.map((revision, at) => ({ ...revision, id: ids[at]! }));
}

function isSame(a: Omit<TreeRevision, "id">, b: Omit<TreeRevision, "id">): boolean {
  const isLost = a.snapshotText === null || b.snapshotText === null;
  return a.tag === b.tag && (isLost || a.ends.id === b.ends.id);
}

/** Refuses marks that the two sides do not explain: each snapshot with marks has to be of one revision a side. */
function refuseUnclear(
  { folder, files }: HistoryFolder,
  { marked, sides, revisions }: {
    readonly marked: readonly string[];
    readonly sides: readonly (readonly Omit<TreeRevision, "id">[])[];
    readonly revisions: readonly Omit<TreeRevision, "id">[];
  },
): void {
  for (const path of marked.filter((each) => each !== journalPath)) {
    const has = ({ tag }: { readonly tag: string }) => revisionFiles(tag)[2] === path;
    const isUnknown = sides.some((side) => side.filter(has).length > 1);
    if (!isUnknown && revisions.filter(has).length === 2) continue;
    const file = `${folder}/${path}`;
    throw new HarborError("bad_history", `Cannot read "${file}:${markLine(files.get(path)!)}"`, {
      state: isUnknown ? `${markedState}, and the journal none that say which side is whose` : markedState,
      hint: isUnknown
        ? `Bring those of the journal back, then again: git checkout --merge -- ${folder}/${journalPath}`
        : keepOneSide(file),
      details: { path: file },
    });
  }
  const twin = revisions.find((each, at) => revisions.slice(0, at).some(({ tag }) => tag === each.tag));
  if (twin === undefined) return;
  throw new HarborError("bad_history", `Cannot tell two revisions "${twin.tag}" apart`, {
    state: "both branches have one of that name",
    hint: [
      `Keep the other branch's, in a merge by: git checkout --theirs -- ${folder}; in a git rebase by --ours`,
      "Then write yours again: harbor-db generate NAME",
    ],
    details: { revision: twin.tag },
  });
}

/** @param has Whether a tag is of this side, of which the journal says several of one number */
function readSide(
  { folder, files }: HistoryFolder,
  has: (tag: string, twins: readonly string[]) => boolean,
): readonly Omit<TreeRevision, "id">[] {
  const entries = looseEntries(files.get(journalPath) ?? "");
  const all = entries.map(({ tag }) => tag);
  const named = all.filter((tag) => {
    const twins = all.filter((each) => revisionFiles(each)[2] === revisionFiles(tag)[2]);
    return twins.length === 1 || has(tag, twins);
  });
  const scripts = [...files.keys()].flatMap((path) => /^([^/]+?)(?<!\.down)\.sql$/.exec(path)?.[1] ?? []);
  const metas = new Set(named.map((tag) => revisionFiles(tag)[2]));
  // A script of the same number as one that the journal names has no snapshot of its own.
  const isRevision = (tag: string) => {
    const [, , meta] = revisionFiles(tag);
    return !metas.has(meta) && (isOwnTag(tag) || files.has(meta));
  };
  const strangers = scripts.filter((tag) => !named.includes(tag) && isRevision(tag));
  const tags = [...named.filter((tag) => scripts.includes(tag)), ...strangers];
  const texts = tags.map((tag) => files.get(revisionFiles(tag)[2]) ?? null);
  const snapshots = texts.map((text, at) =>
    text === null ? null : readSnapshot(text, `${folder}/${revisionFiles(tags[at]!)[2]}`)
  );
  const ends = endsOf(tags, snapshots);
  return tags.map((tag, at) => {
    const [up, , meta] = revisionFiles(tag);
    const entry = entries.find((each) => each.tag === tag);
    return {
      tag,
      name: revisionName(tag, files.get(up)!),
      checksum: scriptChecksum(files.get(up)!),
      when: entry?.when ?? null,
      entry: entry?.fields ?? {},
      ends: ends[at]!,
      snapshotText: texts[at]!,
      snapshot: () => snapshots[at] ?? fail(`${folder}/${meta}`, "there is no such file"),
    };
  });
}

/** Returns the tags of the revisions of a folder that stand for others. */
export function squashedTags({ files }: HistoryFolder): ReadonlySet<string> {
  const journal = files.get(`${coveredFolder}/${journalPath}`) ?? "";
  return new Set([...journal.matchAll(/"coveredBy": *"([^"]+)"/g)].map((match) => match[1]!));
}

/** Returns the ids of snapshots; of those that are lost, as their neighbours tell them. */
function endsOf(
  tags: readonly string[],
  snapshots: readonly (KitSnapshot | null)[],
): readonly TreeRevision["ends"][] {
  const known = new Set(snapshots.map((snapshot) => snapshot?.id));
  return snapshots.reduce<readonly TreeRevision["ends"][]>((ends, snapshot, at) => {
    if (snapshot !== null) return [...ends, snapshot];
    const next = snapshots[at + 1]?.prevId;
    const isOwn = next !== undefined && next !== originId && !known.has(next);
    return [...ends, {
      id: isOwn ? next : `the lost one of ${tags[at]}`,
      prevId: ends.at(-1)?.id ?? originId,
    }];
  }, []);
}

/**
 * Reads a snapshot's text.
 *
 * @throws {HarborError} `bad_history`
 */
export function readSnapshot(text: string, path: string): KitSnapshot {
  const isMarked = markLine(text) !== null;
  return readKitSnapshot({
    path,
    json: parseJson(
      text,
      (_, state) => isMarked ? fail(path, markedState, keepOneSide(path)) : fail(path, `it ${state}`),
    ),
  });
}

function fail(path: string, state: string, hint = "See what to do about it: harbor-db check"): never {
  throw new HarborError("bad_history", `Cannot read "${path}"`, { state, hint, details: { path } });
}

/** Which revisions keep their place and which go behind them, each in order. */
export interface NewOrder {
  readonly kept: readonly TreeRevision[];
  readonly moved: readonly TreeRevision[];
}

/**
 * Puts some revisions behind all others.
 *
 * @throws {HarborError} `bad_history` when the others are no chain without them
 */
export function moveBehind(tree: readonly TreeRevision[], moved: ReadonlySet<string>): NewOrder {
  return {
    kept: chain(tree.filter(({ id }) => !moved.has(id))),
    moved: chain(tree.filter(({ id }) => moved.has(id))),
  };
}

/** Returns a revision and all that were made on top of it. */
export function withDescendants(tree: readonly TreeRevision[], id: string): ReadonlySet<string> {
  const found = new Set([id]);
  const step = () =>
    tree.filter((each) =>
      !found.has(each.id) &&
      tree.some((other) => found.has(other.id) && other.ends.id === each.ends.prevId)
    );
  for (let next = step(); next.length > 0; next = step()) next.forEach((each) => found.add(each.id));
  return found;
}

/** Returns the revisions that begin the branches where the history forks; empty when it does not. */
export function forksOf(tree: readonly TreeRevision[]): readonly TreeRevision[] {
  return tree.filter(({ id, ends }) =>
    tree.some((other) => other.id !== id && other.ends.prevId === ends.prevId)
  );
}

/**
 * Returns what moved revisions are called at their new places. Of those that drizzle-kit counts (`0004_steep_wolf`), two of a number
 * would have one snapshot: one that is not above those before it gets the next.
 */
export function tagsBehind({ kept, moved }: NewOrder): readonly string[] {
  const counted = /^(\d{1,9})(?=_|$)/;
  let last = Math.max(-1, ...kept.map(({ tag }) => Number(counted.exec(tag)?.[1] ?? -1)));
  return moved.map(({ tag }) =>
    tag.replace(counted, (digits) => {
      last = Math.max(Number(digits), last + 1);
      return `${last}`.padStart(digits.length, "0");
    })
  );
}

function chain(revisions: readonly TreeRevision[]): readonly TreeRevision[] {
  const ids = new Set(revisions.map(({ ends }) => ends.id));
  const starts = revisions.filter(({ ends }) => !ids.has(ends.prevId));
  const ordered: TreeRevision[] = [];
  for (let next = starts; next.length > 0;) {
    if (next.length > 1) {
      throw new HarborError(
        "bad_history",
        `Cannot order the history: ${next.map(({ id }) => id).join(" and ")} both come next`,
        { hint: `harbor-db rebase ${next.at(-1)!.id}`, details: { revisions: next.map(({ id }) => id) } },
      );
    }
    ordered.push(next[0]!);
    const last = next[0]!.ends.id;
    next = revisions.filter(({ ends }) => ends.prevId === last);
  }
  return ordered;
}

/** Returns the snapshot that a revision was made on; `null` for a first one. */
export function baseOf(tree: readonly TreeRevision[], revision: TreeRevision): KitSnapshot | null {
  const { prevId } = revision.ends;
  if (prevId === originId) return null;
  const base = tree.find(({ ends }) => ends.id === prevId);
  if (base !== undefined) return base.snapshot();
  throw new HarborError(
    "bad_history",
    `Cannot place revision "${revision.id}" (${revision.name}): what it was made on is not here`,
    { hint: "Take the missing revision's files from the branch that has them.", details: { prevId } },
  );
}
