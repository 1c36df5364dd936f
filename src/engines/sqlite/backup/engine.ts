import type { SqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { BackupEngine } from "../../backup/engine.ts";
import { copyFailure } from "./copy_failure.ts";
import { proveAndTry, tryOn } from "./trial.ts";
import { type DumpJob, withSource } from "./dump.ts";
import { dump, dumpAndProve } from "./dump_and_prove.ts";
import { prepare } from "../connection/open_file.ts";
import {
  refuseIfOpen,
  refuseUnlessReplaceable,
  requireRoomBeside,
  setFileAside,
  swapFile,
} from "./replace.ts";

/**
 * Makes copies of a SQLite file with SQLite's online backup API. A copy is a plain SQLite file.
 *
 * The copy and the digests are taken inside one read transaction, so both see the same state and the copy never has to
 * start again, however much others write. A file in WAL mode can be written meanwhile; in the other journal modes
 * writers wait for their lock until both are done.
 */
export function openSqliteEngine(url: SqliteFileUrl): BackupEngine {
  const path = resolve(url.path);

  return {
    name: "sqlite",
    keepsTrials: "beside the copy",
    suffix: ".db",
    estimate: () => guarded(() => withSource(path, sizeOf)),
    uncarried: () => Promise.resolve([]),
    dump: (to, signal, onProgress) => dump(jobTo(to), { signal, onProgress }),
    async dumpAndProve(to, signal, { onRestored, ...options } = {}) {
      const both = await dumpAndProve(jobTo(to), { ...options, signal });
      const { copied, content } = both;
      if (onRestored !== undefined) {
        await tryOn(to, { ...placeOf(to), signal, content }, (trial) => onRestored(trial, copied));
      }
      return both;
    },
    prove: (from, signal, options) => proveAndTry(from, signal, { ...options, ...placeOf(from) }),
    trialObstacle: () => Promise.resolve(null),
    restore: (from, signal, options) =>
      swapFile({
        url,
        from,
        signal,
        closeOthers: () => options?.database?.close() ?? Promise.resolve(),
        wrongIndexes: options?.wrongIndexes,
        onRemark: options?.onRemark,
      }),
    refuseIfInUse: () =>
      guarded(() => {
        refuseUnlessReplaceable(url);
        refuseIfOpen(url);
      }),
    requireRoom: (copy) => guarded(() => requireRoomBeside(path, copy)),
    setAside: () => guarded(() => setFileAside(path)),
  };

  function placeOf(copy: string) {
    return { shown: url.display, remarks: remarksOn(copy) };
  }

  function remarksOn(copy: string): readonly string[] {
    // What is restored to a new file has none yet.
    const own = statSync(path, { throwIfNoEntry: false });
    const isHere = own === undefined || own.dev === statSync(copy).dev;
    return isHere ? trialRemarks : [...trialRemarks, isElsewhere];
  }

  function jobTo(to: string): DumpJob {
    return { verb: "dump", path, url: url.display, to };
  }

  async function guarded<T>(work: () => Promise<T> | T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw copyFailure(url.display, error, [path]);
    }
  }
}

const trialRemarks = [
  "What others wait for here is the one write lock of the file. With a WAL, readers wait for nobody.",
];

const isElsewhere =
  "The copy is on another file system than the database: for how long a commit waits for the database's own was not seen.";

function sizeOf(source: DatabaseSync): number {
  const row = prepare(
    source,
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get() as unknown as { readonly bytes: bigint };
  return Number(row.bytes);
}
