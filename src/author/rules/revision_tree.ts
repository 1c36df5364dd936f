import { HarborError } from "../../base/errors.ts";
import type { HistoryFolder } from "./folder/history_folder.ts";
import { coveredFolder, journalPath, scriptChecksum } from "../../history/history.ts";
import { parseJson } from "../../base/json_schema.ts";
import { type KitSnapshot, readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { originId } from "../../schema/kit_ends.ts";
import { idsOf, isOwnTag, revisionFiles, revisionName } from "../../history/revision_name.ts";

/** A revision as its files say, whatever the journal says. */
export interface TreeRevision {
  readonly id: string;
  readonly tag: string;
  readonly name: string;
  /** Of its upgrade script. */
  readonly checksum: string;
  /** Milliseconds since 1970; `null` when the journal does not name it. */
  readonly when: number | null;
  /** Its own id as its snapshot has it, and that of what it was made on. */
  readonly ends: Pick<KitSnapshot, "id" | "prevId">;
  /**
   * Returns what it leaves behind. Only what is moved, and what it is moved behind, has to have one.
   *
   * @throws {HarborError} `bad_history` when there is none
   */
  snapshot(): KitSnapshot;
}

/**
 * Reads the revisions of a folder, in the order of its journal and then of their names. A journal with the marks of a
 * merge is read for what is in it. A revision without a snapshot stands where the journal has it.
 *
 * @throws {HarborError} `bad_history` when a snapshot cannot be read
 */
export function readTree({ folder, files }: HistoryFolder): readonly TreeRevision[] {
  const entries = looseEntries(files.get(journalPath) ?? "");
  const named = entries.map(({ tag }) => tag);
  const scripts = [...files.keys()].flatMap((path) => /^([^/]+?)(?<!\.down)\.sql$/.exec(path)?.[1] ?? []);
  const metas = new Set(named.map((tag) => revisionFiles(tag)[2]));
  // A script of the same number as one that the journal names has no snapshot of its own.
  const isRevision = (tag: string) => {
    const [, , meta] = revisionFiles(tag);
    return !metas.has(meta) && (isOwnTag(tag) || files.has(meta));
  };
  const strangers = scripts.filter((tag) => !named.includes(tag) && isRevision(tag));
  const tags = [...named.filter((tag) => scripts.includes(tag)), ...strangers];
  const ids = idsOf(tags);
  const snapshots = tags.map((tag) => {
    const [, , meta] = revisionFiles(tag);
    const text = files.get(meta);
    return text === undefined ? null : readSnapshot(text, `${folder}/${meta}`);
  });
  const ends = endsOf(tags, snapshots);
  return tags.map((tag, at) => {
    const [up, , meta] = revisionFiles(tag);
    return {
      id: ids[at]!,
      tag,
      name: revisionName(tag, files.get(up)!),
      checksum: scriptChecksum(files.get(up)!),
      when: entries.find((entry) => entry.tag === tag)?.when ?? null,
      ends: ends[at]!,
      snapshot: () => snapshots[at] ?? fail(`${folder}/${meta}`, "there is no such file"),
    };
  });
}

/** Returns the tags of the revisions of a folder that stand for others. */
export function squashedTags({ files }: HistoryFolder): ReadonlySet<string> {
  const journal = files.get(`${coveredFolder}/${journalPath}`) ?? "";
  return new Set([...journal.matchAll(/"coveredBy": *"([^"]+)"/g)].map((match) => match[1]!));
}

/** Returns the tags in a journal's text, in order. */
export function tagsIn(journal: string): readonly string[] {
  return looseEntries(journal).map(({ tag }) => tag);
}

function looseEntries(journal: string): readonly { readonly tag: string; readonly when: number }[] {
  const entries = journal.match(/\{[^{}]*"tag"[^{}]*\}/g) ?? [];
  const read = entries.flatMap((text) => {
    const tag = /"tag": *"([^"]+)"/.exec(text)?.[1];
    const when = Number(/"when": *(\d+)/.exec(text)?.[1]);
    return tag === undefined || Number.isNaN(when) ? [] : [{ tag, when }];
  });
  return read.filter(({ tag }, at) => read.findIndex((each) => each.tag === tag) === at);
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

function readSnapshot(text: string, path: string): KitSnapshot {
  return readKitSnapshot({ path, json: parseJson(text, (_, state) => fail(path, `it ${state}`)) });
}

function fail(path: string, state: string): never {
  throw new HarborError("bad_history", `Cannot read "${path}": ${state}`, {
    hint: "See what to do about it: harbor-db check",
    details: { path },
  });
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
