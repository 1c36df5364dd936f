import type { Dialect } from "../base/dialect.ts";
import { join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { readIfWritten } from "../base/files/written_text.ts";
import { baselinePath } from "../history/baseline.ts";
import {
  checksumListPath,
  listFile,
  moveListed,
  parseChecksums,
  renderChecksums,
} from "../history/checksum_list.ts";
import { coveredFolder, type History, journalPath, type Revision } from "../history/history.ts";
import { deriveRevisionId, idsOf, readRevisionName, revisionFiles, tagOf } from "../history/revision_name.ts";
import { schemasOfHistory } from "../history/revision_schema.ts";
import { resolveTarget } from "../history/target.ts";
import { needsJournal } from "./needs_journal.ts";
import { withHostPart } from "../schema/host_part.ts";
import { type KitSnapshot, readKitSnapshot } from "../schema/kit_snapshot.ts";
import { readReleased } from "./project/baseline.ts";
import { type CheckedFolder, whyBroken } from "./rules/folder/check_folder.ts";
import { draftWhole } from "./draft_revision.ts";
import type { DrizzleEngine } from "./project/drizzle_engine.ts";
import { renderJson } from "./generate.ts";
import type { ProofSetting } from "./proof/begin.ts";
import { lookAtLeft } from "./proof/prove.ts";
import { readScripts, scriptOf } from "./project/read_scripts.ts";
import { isPlain, joinScripts, withoutTransaction } from "./check/rules/join_scripts.ts";
import type { FileChange } from "./writing/write_together.ts";

/** What is to become one revision. */
export interface SquashRequest {
  readonly dir: string;
  /** The dialects' folders, and the histories in them. */
  readonly folders: readonly CheckedFolder[];
  /** The first of them; `null` for the history's first. */
  readonly first: string | null;
  readonly last: string;
  /** What the new revision is called; `null` leaves it to the names of those that it stands for. */
  readonly name: string | null;
  readonly engine: DrizzleEngine;
  readonly proof: ReadonlyMap<Dialect, ProofSetting>;
}

/** The revision that stands for others, and what writing it comes to. */
export interface PlannedSquash {
  readonly revision: string;
  readonly name: string;
  readonly parent: string | null;
  readonly createdAt: string;
  /** How many revisions are before it. */
  readonly place: number;
  readonly covers: readonly { readonly revision: string; readonly name: string }[];
  /**
   * `anew`: out of the last snapshot, where the scripts were run, leave just that and bring no rows · `joined`: the scripts
   * one behind the other.
   */
  readonly written: "anew" | "joined";
  /** Why the scripts are joined, as a sentence; `null` where they are not. */
  readonly reason: string | null;
  /** The dialects on which it can only be run up: it has no way back, since one of the others has none, or leaves what no snapshot says. */
  readonly upOnly: ReadonlyMap<Dialect, "no way back" | "drift">;
  readonly changes: readonly FileChange[];
}

/** A dialect with the revisions that are to become one. */
interface SquashedPart {
  readonly dialect: Dialect;
  readonly folder: CheckedFolder;
  readonly history: History;
  readonly squashed: readonly Revision[];
  readonly snapshot: KitSnapshot;
}

interface SquashedScripts {
  readonly up: string;
  /** `null` where one of the revisions has no way back. */
  readonly down: string | null;
}

/**
 * Makes one revision of several. Their files stay, in a folder of their own, and so does what databases have on record: one
 * that has any of them goes on by them.
 *
 * @throws {HarborError} `unknown_target`, `ambiguous_target`; `usage` for fewer than two; `bad_history` when the dialects
 * differ or one was not made on top of the one before it; `out_of_order` when one is not released and others are
 */
export async function planSquash(request: SquashRequest): Promise<PlannedSquash> {
  const { dir, engine, proof } = request;
  const { parts, place } = choose(request);
  const { squashed } = parts[0]!;
  const [first, last] = [squashed[0]!, squashed.at(-1)!];
  const said = place === 0 ? `Everything up to ${last.name}` : `${first.name} to ${last.name}`;
  const name = readRevisionName(request.name ?? said);
  const upOnly = new Map<Dialect, "no way back" | "drift">();
  const reasons = place === 0 ? [] : [`${first.id} is not the first revision`];
  for (const { dialect, folder, history, squashed } of parts) {
    const setting = proof.get(dialect);
    const { covered: _, ...rest } = history;
    const before = { ...rest, revisions: history.revisions.slice(0, place + squashed.length) };
    const left = setting === undefined ? null : await lookAtLeft(before, setting);
    if (squashed.some((each) => !folder.files.has(each.files[1]))) upOnly.set(dialect, "no way back");
    if (left?.isSame === false) upOnly.set(dialect, "drift");
    const read = await readScripts(before);
    const odd = squashed.find(({ id }) => !isPlain(read.get(id) ?? [], schemasOfHistory(before)));
    if (left === null) {
      reasons.push(`the scripts for ${dialect} were not run: --prove-url names a server`);
    } else if (!left.isSame) {
      reasons.push(`the scripts for ${dialect} leave another schema than the snapshot says`);
    } else if (left.beyond.length > 0) {
      reasons.push(
        `the scripts for ${dialect} make what the snapshot does not say: ${left.beyond.join(", ")}`,
      );
    } else if (odd !== undefined) {
      reasons.push(`${odd.id} does more on ${dialect} than change the schema, or what cannot be read`);
    }
  }
  const [reason = null] = reasons;
  const written = reason === null ? "anew" : "joined";
  // What is written anew has one.
  if (written === "anew") upOnly.clear();
  const drafted = await Promise.all(parts.map(async (part) => ({
    ...part,
    scripts: written === "joined" ? joined(name, part) : await draftWhole(name, part.snapshot, engine),
  })));
  const texts = drafted.flatMap(({ scripts }) => [scripts.up, scripts.down ?? ""]);
  const parent = first.parent;
  const revision = deriveRevisionId({ parent, name, scripts: texts });
  const tag = tagOf(revision, name);
  const changes = drafted.map((part) => changesOf(part, { tag, at: place }));
  refuseOtherIds(parts[0]!, { tag, at: place });
  const list = readIfWritten(join(dir, checksumListPath));
  const checksums = parseChecksums(list ?? "");
  for (const [at, { dialect }] of parts.entries()) {
    for (const { from, to } of changes[at]!.moved) moveListed(checksums, from, to);
    for (const { path, text } of changes[at]!.written) listFile(checksums, { dialect, path, text });
  }
  const baseline = readIfWritten(join(dir, baselinePath));
  const isLastReleased = baseline !== null &&
    readReleased(dir, parts[0]!.history) === place + squashed.length;
  return {
    revision,
    name,
    parent,
    createdAt: last.createdAt,
    place,
    covers: squashed.map(({ id, name }) => ({ revision: id, name })),
    written,
    reason,
    upOnly,
    changes: [
      ...changes.flatMap((each) => each.added),
      ...list === null ? [] : [{ path: checksumListPath, text: renderChecksums(checksums), before: list }],
      // Until the last journal is written, the same command goes on where it was killed.
      ...changes.map((each) => each.coveredJournal),
      ...changes.map((each) => each.journal),
      ...isLastReleased ? [{ path: baselinePath, text: `${revision}  ${name}\n`, before: baseline }] : [],
      ...changes.flatMap((each) => each.removed),
    ].filter(({ text, before }) => text !== before),
  };
}

function choose({ dir, folders, first, last }: SquashRequest) {
  const histories = folders.flatMap(({ history }) => history === null ? [] : [history]);
  const lists = new Set(histories.map(({ revisions }) => revisions.map(({ tag }) => tag).join("\n")));
  if (histories.length < folders.length || lists.size !== 1) {
    const differ = { state: "the dialects do not have the same revisions", hint: "harbor-db check" };
    throw new HarborError("bad_history", `Cannot squash in "${dir}"`, whyBroken(folders) ?? differ);
  }
  if (histories.some(({ isFoldered }) => isFoldered)) throw needsJournal("squash", dir);
  const placeOf = (target: string) => resolveTarget(histories[0]!, histories[0]!.revisions.length, target);
  const [place, end] = [first === null ? 0 : placeOf(first) - 1, placeOf(last)];
  if (end - place < 2 || place < 0) {
    throw new HarborError(
      "usage",
      `Cannot squash up to "${last}": that is ${end > place ? "one" : "no"} revision`,
      {
        hint: "Name the last of at least two: harbor-db squash <revision> --from <the first>",
      },
    );
  }
  const released = readReleased(dir, histories[0]!);
  const late = histories[0]!.revisions[released];
  if (released > 0 && released < end) {
    throw new HarborError("out_of_order", `Cannot squash revision "${late!.id}" (${late!.name})`, {
      state: `it is not released, as ${baselinePath} says`,
      hint:
        `Take it back and write it again (harbor-db drop); or, when databases have it: harbor-db check --baseline ${
          late!.id
        }`,
    });
  }
  const parts = folders.map((folder, index): SquashedPart => {
    const history = histories[index]!;
    const ends = history.revisions.slice(0, end).map((each) => readKitSnapshot(each.snapshot()));
    const loose = ends.findIndex(({ prevId }, index) => index > place && prevId !== ends[index - 1]!.id);
    if (loose >= 0) {
      const { id } = history.revisions[loose]!;
      throw new HarborError("bad_history", `Cannot squash revision "${id}"`, {
        state: "it was not made on top of the one before it",
        hint: `harbor-db rebase ${id}`,
      });
    }
    return {
      dialect: folder.dialect,
      folder,
      history,
      squashed: history.revisions.slice(place, end),
      // What comes after it was made on top of the last one, and says so by its id.
      snapshot: { ...ends[end - 1]!, prevId: ends[place]!.prevId },
    };
  });
  return { parts, place };
}

function joined(name: string, { folder: { files }, squashed }: SquashedPart): SquashedScripts {
  const textOf = (which: 0 | 1) => ({ files: paths, upgrade, downgrade }: Revision) => {
    const text = files.get(paths[which]);
    return text === undefined ? text : withoutTransaction(text, scriptOf(which === 0 ? upgrade : downgrade));
  };
  const textsOf = (which: 0 | 1) => squashed.map(textOf(which));
  const [ups, downs] = [textsOf(0), textsOf(1).toReversed()];
  const isWhole = (texts: readonly (string | undefined)[]): texts is string[] =>
    texts.every((text) => text !== undefined);
  return {
    up: joinScripts(name, ups.filter((text) => text !== undefined)),
    down: isWhole(downs) ? joinScripts(name, downs) : null,
  };
}

/** The revision that stands for others, and how many are before it. */
interface Squashed {
  readonly tag: string;
  readonly at: number;
}

/** Returns what is to be written in the folder of a dialect, and which files move where. */
function changesOf(
  { folder: { files, place }, squashed, snapshot, scripts }: SquashedPart & {
    readonly scripts: SquashedScripts;
  },
  { tag, at }: Squashed,
) {
  const [up, down, meta] = revisionFiles(tag);
  const moved = squashed.flatMap((each) => each.files).filter((path) => files.has(path)).map((path) => ({
    from: `${place}${path}`,
    to: `${place}${coveredFolder}/${path}`,
    text: files.get(path)!,
  }));
  const before = files.get(journalPath)!;
  const journal: Journal = JSON.parse(before);
  const end = at + squashed.length;
  const entries = journal.entries.slice(at, end);
  const kept = [...journal.entries.slice(0, at), { ...entries.at(-1)!, tag }, ...journal.entries.slice(end)];
  const coveredPath = `${coveredFolder}/${journalPath}`;
  const coveredBefore = files.get(coveredPath) ?? null;
  const known: Journal = coveredBefore === null ? { ...journal, entries: [] } : JSON.parse(coveredBefore);
  // Those of a squash that was killed between the two journals are there already.
  const present = new Set(journal.entries.map((entry) => entry.tag));
  const earlier = known.entries.filter((entry) => !present.has(entry.tag));
  const covered = [...earlier, ...entries.map((entry) => ({ ...entry, coveredBy: tag }))];
  const written = [
    { path: `${place}${up}`, text: scripts.up },
    ...scripts.down === null ? [] : [{ path: `${place}${down}`, text: scripts.down }],
    { path: `${place}${meta}`, text: renderJson(withHostPart(snapshot)) },
  ];
  const coveredJournal = {
    path: `${place}${coveredPath}`,
    text: renderJson({ ...known, entries: covered }),
    before: coveredBefore,
  };
  return {
    moved,
    written: [...written, coveredJournal],
    added: [
      ...moved.map(({ to, text }) => ({ path: to, text, before: null })),
      ...written.map((file) => ({ ...file, before: null })),
    ],
    coveredJournal,
    journal: { path: `${place}${journalPath}`, text: renderJson({ ...journal, entries: kept }), before },
    removed: moved.map(({ from, text }) => ({ path: from, text: null, before: text })),
  };
}

interface Journal {
  readonly entries: readonly { readonly tag: string }[];
}

/** An id that is a prefix of its tag may be one no more where other tags stand beside it. */
function refuseOtherIds({ history, squashed }: SquashedPart, { tag, at }: Squashed): void {
  const before = new Map([...history.revisions, ...history.covered ?? []].map((each) => [each.tag, each.id]));
  const tags = history.revisions.map((each) => each.tag);
  const lists = [
    [...tags.slice(0, at), tag, ...tags.slice(at + squashed.length)],
    [...history.covered ?? [], ...squashed].map((each) => each.tag),
  ];
  for (const list of lists) {
    const ids = idsOf(list);
    const other = list.findIndex((each, index) => before.has(each) && before.get(each) !== ids[index]);
    if (other < 0) continue;
    throw new HarborError("bad_history", `Cannot squash: "${list[other]}" would have another id`, {
      state: `databases know it as ${before.get(list[other]!)}`,
      hint: "Squash those with the same beginning together.",
    });
  }
}
