import { join } from "node:path";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { readIfWritten } from "../../base/files/written_text.ts";
import { baselinePath, countReleased, parseBaseline } from "../../history/baseline.ts";
import {
  checksumListPath,
  listedFiles,
  listFile,
  parseChecksums,
  renderChecksums,
} from "../../history/checksum_list.ts";
import type { History } from "../../history/history.ts";
import { idsOf } from "../../history/revision_name.ts";
import { resolveTarget } from "../../history/target.ts";
import { type CheckedFolder, whyBroken } from "../rules/folder/check_folder.ts";
import { type WriteOptions, writeTogether } from "../writing/write_together.ts";

/**
 * Returns how many revisions of a history are released, as the file in its folder says.
 *
 * @throws {HarborError} `bad_history` when it names one that the history does not have
 */
export function readReleased(dir: string, history: History): number {
  const tags = history.revisions.map(({ tag }) => tag);
  return countReleased(history, parseBaseline(readIfWritten(join(dir, baselinePath)), tags));
}

/**
 * Refuses to change what is released: databases that nobody asks here have it.
 *
 * @param tags Of the history, in order
 * @throws {HarborError} `out_of_order`; `bad_history` when the history does not have what is said to be released
 */
export function refuseReleased(
  dir: string,
  tags: readonly string[],
  { dialect, verb, isChanged }: {
    readonly dialect: Dialect;
    readonly verb: string;
    readonly isChanged: (tag: string) => boolean;
  },
): void {
  const baseline = parseBaseline(readIfWritten(join(dir, baselinePath)), tags);
  const ids = idsOf(tags);
  const revisions = tags.map((tag, at) => ({ id: ids[at]!, tag }));
  const released = countReleased({ dialect, revisions }, baseline);
  const at = tags.slice(0, released).findIndex(isChanged);
  const fixed = ids[at];
  if (fixed === undefined) return;
  throw new HarborError("out_of_order", `Cannot ${verb} revision "${fixed}"`, {
    state: `${baselinePath} says that it is released`,
    hint: `If no database has it, take that back first: harbor-db check --baseline ${ids[at - 1] ?? "base"}`,
    details: { revision: fixed },
  });
}

/**
 * Writes down that a revision and all before it are released. Where there is no list of checksums yet,
 * all files are listed as they are: others wrote and ran them.
 *
 * @param target As commands take it: an id or its beginning, `head`, `base` for none
 * @param isProving Whether what a list leaves out is proven next: as released, it is only run up
 * @throws {HarborError} `unknown_target` or `ambiguous_target`; `not_proven` when a list leaves files out; `bad_history` when a history cannot be read, or the
 * dialects do not have the same revision there
 */
export async function writeBaseline(
  dir: string,
  { folders, target, isProving }: {
    readonly folders: readonly CheckedFolder[];
    readonly target: string;
    readonly isProving: boolean;
  },
  writing: WriteOptions,
): Promise<void> {
  const histories = folders.flatMap(({ history }) => history === null ? [] : [history]);
  const released = histories.map((history) =>
    history.revisions.slice(0, resolveTarget(history, history.revisions.length, target))
  );
  const last = new Set(released.map((revisions) => revisions.at(-1)?.id ?? null));
  if (histories.length < folders.length || last.size !== 1) {
    const differ = { state: "it is not the same revision for every dialect", hint: "harbor-db check" };
    throw new HarborError(
      "bad_history",
      `Cannot take "${target}" for the baseline`,
      whyBroken(folders) ?? differ,
    );
  }
  const before = readIfWritten(join(dir, checksumListPath));
  const checksums = parseChecksums(before ?? "");
  const isNew = checksums.size === 0;
  const unlisted = folders.flatMap(({ dialect, place, files, history }, at) =>
    // As `generate` does, a list that is new has all that is there.
    (isNew ? listedFiles(history!) : released[at]!.flatMap((revision) => revision.files)).flatMap((path) => {
      const [key, text] = [place + path, files.get(path)];
      return text === undefined || checksums.has(key) ? [] : [{ dialect, path: key, text }];
    })
  );
  if (!isNew && !isProving && unlisted.length > 0) {
    throw new HarborError("not_proven", `Cannot take "${target}" for the baseline`, {
      state: `${checksumListPath} does not list ${unlisted.map(({ path }) => path).join(", ")}`,
      hint: [
        "Prove it first: harbor-db check --prove --accept-edits",
        `Where it has no way back, so that it can be run up alone: harbor-db check --baseline ${target} --prove --accept-edits`,
      ],
      details: { files: unlisted.map(({ path }) => path) },
    });
  }
  if (isNew) unlisted.forEach((file) => listFile(checksums, file));
  const revision = released[0]?.at(-1);
  await writeTogether(dir, [
    { path: checksumListPath, text: renderChecksums(checksums), before },
    {
      path: baselinePath,
      text: revision === undefined ? null : `${revision.id}  ${revision.name}\n`,
      before: readIfWritten(join(dir, baselinePath)),
    },
  ], writing);
}
