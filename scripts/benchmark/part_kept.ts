import type { Dialect } from "../../src/base/dialect.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, databasesOf, paired, type Part, type Section, withFolders } from "./bench.ts";
import { alone, idle, stampFirst } from "./beside_case.ts";
import { type Seen, startClient } from "./beside.ts";
import type { Databases } from "./databases.ts";
import { atMost } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import { type Ran, run } from "./process.ts";
import type { Target, Tool } from "./tool.ts";

/** What the revisions behind the first one hold, put aside on the way down and put back on the way up. */
export const keptPart: Part = {
  name: "kept",
  summary: "1,000,000 files of which 100,000 lie in R2, to the first revision and back, beside a writer",
  hasPeers: false,
  async measure(bench) {
    const sections: Section[] = [];
    for (const [title, dialect] of databasesMeasured) {
      if (new RegExp(bench.only).test(title)) sections.push(await measureOn(bench, title, dialect));
    }
    return sections;
  },
};

const databasesMeasured = [
  ["Kept data on SQLite, WAL", "sqlite"],
  ["Kept data on PostgreSQL", "postgresql"],
] as const;

const namesOf = (way: string) => ({
  total: `${way}: total, ms`,
  longest: `${way}: longest wait of a writer, ms`,
  p99: `${way}: 99th percentile of its waits, ms`,
  errors: `${way}: errors`,
  memory: `${way}: peak memory, MB`,
});
const [down, up] = [namesOf("down"), namesOf("up")];
const space = { kept: "side tables between, MB", grown: "growth of the database at most, MB" };

/** Values in all that the way down takes away. */
const filled = [
  `UPDATE files SET storage_backend = 'r2', metadata_json = '{"etag":"' || filename || '","size":' || size || '}', thumb_path = 'thumbs/' || filename, medium_path = 'medium/' || filename WHERE id % 10 = 0`,
  "UPDATE files SET created_at = NULL WHERE id % 100 = 1",
  "UPDATE collections SET updated_at = '2025-10-01 08:00:00.25', created_at = CASE WHEN id % 10 = 0 THEN NULL ELSE created_at END",
  "UPDATE users SET last_login = '2025-10-02 09:00:00.5'",
];

/** All that the writer leaves alone: it adds rows of its own, and changes sizes. */
const untouched = [
  "SELECT * FROM users ORDER BY id",
  "SELECT * FROM collections ORDER BY id",
  "SELECT id, uuid, filename, original_filename, mime_type, storage_path, thumbnail_path, upload_complete, created_at, collection_id, storage_backend, metadata_json, thumb_path, medium_path FROM files WHERE uuid NOT LIKE 'beside-%' ORDER BY id",
];

/** One more with each write of the writer: a new row has a size of 1. */
const sizes = "SELECT sum(size) FROM files";

/** How often it is looked how large the database is, in milliseconds. */
const lookMs = 250;

/** How many of the first files the writer changes. */
const leastFiles = 50_000;

const keptBytes: Readonly<Record<Dialect, string>> = {
  sqlite: "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name GLOB '*harbor_kept_[0-9]*'",
  postgresql:
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relname ~ '^harbor_kept_[0-9]'",
};

async function measureOn(bench: Bench, title: string, dialect: Dialect): Promise<Section> {
  if (bench.files < leastFiles) throw new Error(`Cannot measure kept data of less than ${leastFiles} files`);
  bench.note(`${title}, ${bench.files} files`);
  const own = bench.tools.filter(({ name }) => name === "harbor-db");
  const wanted = { files: bench.files, journalMode: "wal", statements: [] } as const;
  const { measures, failures } = await withFolders(
    own,
    () => {},
    (folderOf) =>
      paired(
        bench,
        [...own, idle(dialect)],
        (tool) =>
          databasesOf(bench, dialect).withDatabase(
            wanted,
            (url) => measureOne(bench, tool, { dialect, url, folder: folderOf(own[0]!), to: "head" }),
          ),
      ),
  );
  const limits = [down, up].flatMap((way) =>
    [[way.longest, 50], [way.p99, 6], [way.errors, 0], [way.memory, 120]] as const
  );
  return {
    title,
    text: `${
      bench.files.toLocaleString("en-US")
    } files at head, a tenth of them in R2 with metadata and image variants, a hundredth without a date; \`downgrade 71dda59686db\`, then \`upgrade\`, both without a backup. Beside them a writer that inserts and updates every 5 ms and waits a second for a lock. After each run every value that the writer left alone is what it was, and whatever it wrote is there.`,
    measures,
    failures,
    goals: limits.flatMap(([name, limit]) => atMost(measures.find((each) => each.name === name)!, limit)),
  };
}

async function measureOne(
  bench: Bench,
  tool: Tool,
  target: Target,
): Promise<Readonly<Record<string, number>>> {
  const databases = databasesOf(bench, target.dialect);
  const harbor = (...args: readonly string[]) => harborCommand(bench.binary, target, [...args, "--quiet"]);
  await stampFirst(bench, target);
  await run(harbor("upgrade", "--no-backup"));
  await databases.run(target.url, filled);
  const isIdle = tool.name === alone;
  const before = isIdle ? null : await readContents(databases, target.url);
  const writer = await startClient(target.url, { role: "writer", timeoutMs: 1_000 });
  const watched = watchSize(() => databases.sizeOf(target.url));
  try {
    const ranDown = await run(
      isIdle ? tool.upgrade(target) : harbor("downgrade", "71dda59686db", "--yes", "--no-backup"),
    );
    const kept = await databases.valueOf(target.url, keptBytes[target.dialect]);
    const ranUp = await run(isIdle ? tool.upgrade(target) : harbor("upgrade", "--no-backup"));
    const grown = await watched.end();
    const seen = await writer.end(ranDown, ranUp);
    if (before !== null) requireSame(await readContents(databases, target.url), before, seen[0].writes);
    return {
      ...figuresOf(down, isIdle ? null : ranDown, seen[0]),
      ...figuresOf(up, isIdle ? null : ranUp, seen[1]),
      ...isIdle ? {} : { [space.kept]: kept / 1e6, [space.grown]: grown / 1e6 },
    };
  } catch (error) {
    await Promise.all([watched.end(), writer.end()]);
    throw error;
  }
}

/** Returns what a way took, but of no way at all, and what the writer saw of it. */
function figuresOf(way: ReturnType<typeof namesOf>, ran: Ran | null, { longestMs, p99Ms, errors }: Seen) {
  return {
    ...ran === null ? {} : { [way.total]: ran.ms },
    [way.longest]: longestMs,
    [way.p99]: p99Ms,
    [way.errors]: errors,
    ...ran === null ? {} : { [way.memory]: ran.peakMb },
  };
}

/** What is in a database, but for what the writer does. */
interface Contents {
  readonly digests: readonly string[];
  readonly inR2: number;
  readonly sizes: number;
}

async function readContents(databases: Databases, url: string): Promise<Contents> {
  const digests: string[] = [];
  for (const query of untouched) digests.push(await databases.digestOf(url, query));
  const inR2 = await databases.valueOf(url, "SELECT count(*) FROM files WHERE storage_backend = 'r2'");
  return { digests, inR2, sizes: await databases.valueOf(url, sizes) };
}

/** @throws {Error} when anything was lost: then no figure is worth anything */
function requireSame(found: Contents, before: Contents, writes: number): void {
  const lost = [
    ...untouched.filter((_, index) => found.digests[index] !== before.digests[index]),
    ...found.inR2 === before.inR2 ? [] : [`${before.inR2} files in R2 are ${found.inR2}`],
    ...found.sizes === before.sizes + writes
      ? []
      : [`of ${writes} writes of the writer ${found.sizes - before.sizes} are there`],
  ];
  if (lost.length > 0) throw new Error(`Cannot use a way that loses something:\n${lost.join("\n")}`);
}

/** Looks at a size again and again, and returns at the end by how many bytes it was larger than at first. */
function watchSize(read: () => Promise<number>): { end(): Promise<number> } {
  let isOver = false;
  const watching = (async () => {
    const first = await read();
    let most = first;
    while (!isOver) {
      await sleep(lookMs);
      most = Math.max(most, await read());
    }
    return most - first;
  })();
  return {
    end() {
      isOver = true;
      return watching;
    },
  };
}
