import type { Dialect } from "../../src/base/dialect.ts";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ddlOf, origins } from "../../tests/support/samples/origins.ts";
import { type Bench, type Goal, type Part, toolsFor } from "./bench.ts";
import { type BesideCase, measureCases, names, stampFirst } from "./beside_case.ts";
import { atMost, atMostTimes } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import { type BenchHistory, wholeHistory } from "./history.ts";
import { type Command, run } from "./process.ts";
import type { Measure } from "./stats.ts";
import type { Target } from "./tool.ts";

const first = "71dda59686db";
/** What applies a script as it stands, in one transaction a revision. */
const shells = { sqlite: "sqlite3", postgresql: "psql" };

/** All revisions on a large database, and taking one over that the application itself made. */
export const wayPart: Part = {
  name: "way",
  summary: "all revisions, and upgrade --adopt, on 1,000,000 files, with a writer every 5 ms beside it",
  async measure(bench) {
    return await measureCases(bench, [...revisionsOf(bench), ...await adoptionsOf(bench)]);
  },
};

function revisionsOf(bench: Bench): readonly BesideCase[] {
  const change = ({ binary }: Bench, target: Target) =>
    harborCommand(binary, target, ["upgrade", "--quiet", "--no-backup"]);
  const on = (dialect: Dialect) => ({
    ...sharedOf(bench, dialect),
    history: wholeHistory(dialect),
    start: [],
    prepare: stampFirst,
    change,
  });
  return [
    { ...on("sqlite"), title: "All revisions on SQLite, WAL", goals: inWal },
    {
      ...on("sqlite"),
      title: "All revisions on SQLite, rollback journal",
      journalMode: "delete",
      timeoutMs: 10_000,
      goals: (measures) => atMostTimes(measures.get(names.longest)!, shells.sqlite, 0.1),
    },
    { ...on("postgresql"), title: "All revisions on PostgreSQL", goals: onServer },
  ];
}

async function adoptionsOf(bench: Bench): Promise<readonly BesideCase[]> {
  const change = ({ binary }: Bench, target: Target): Command => {
    const backups = join(target.folder, "backups");
    rmSync(backups, { recursive: true, force: true });
    return harborCommand(binary, target, ["upgrade", "--adopt", "--yes", "--quiet", "--backup-dir", backups]);
  };
  const on = async (dialect: Dialect) => ({
    ...sharedOf(bench, dialect),
    text: `${textOf(bench)} The total has the backup and its proof in it.`,
    history: await bridgeOf(bench, dialect),
    start: remadeByApplication(dialect),
    prepare: () => Promise.resolve(),
    change,
  });
  return [
    { ...await on("sqlite"), title: "upgrade --adopt of create_all's on SQLite, WAL", goals: inWal },
    { ...await on("postgresql"), title: "upgrade --adopt of create_all's on PostgreSQL", goals: onServer },
  ];
}

function sharedOf(bench: Bench, dialect: Dialect) {
  return {
    text: textOf(bench),
    dialect,
    files: bench.files,
    journalMode: "wal",
    timeoutMs: 1_000,
    hasReader: false,
    longReadMs: 0,
    to: "head",
    tools: toolsFor(bench, dialect).filter(({ name }) => ["harbor-db", shells[dialect]].includes(name)),
  } as const;
}

function textOf({ files }: Bench): string {
  return `${
    files.toLocaleString("en-US")
  } files; beside it a writer that inserts and updates every 5 ms and waits a second for a lock.`;
}

function inWal(measures: ReadonlyMap<string, Measure>): readonly Goal[] {
  return [
    ...atMost(measures.get(names.longest)!, 50),
    ...atMost(measures.get(names.p99)!, 6),
    ...atMost(measures.get(names.errors)!, 0),
    ...atMostTimes(measures.get(names.total)!, shells.sqlite, 3),
    ...atMost(measures.get(names.memory)!, 120),
  ];
}

function onServer(measures: ReadonlyMap<string, Measure>): readonly Goal[] {
  return [...atMost(measures.get(names.longest)!, 50), ...atMost(measures.get(names.memory)!, 120)];
}

/** Returns SQL that makes of the application's first revision what its `create_all` made before R2, with the same rows. */
function remadeByApplication(dialect: Dialect): readonly string[] {
  const origin = origins.find(({ name }) => name === "create_all before R2")!;
  const tables = Object.keys(origin.tables);
  const sets = tables.map((table) =>
    `SELECT setval(pg_get_serial_sequence('${table}', 'id'), (SELECT max(id) FROM ${table}))`
  );
  return [
    ...tables.map((table) => `CREATE TABLE was_${table} AS SELECT * FROM ${table}`),
    "UPDATE was_collections SET privacy = 'public'",
    ...tables.toReversed().map((table) => `DROP TABLE ${table}`),
    ...ddlOf(origin, dialect),
    ...Object.entries(origin.tables).map(([table, { columns }]) => {
      const old = columns.map((column) => column.split(" ")[0]!).filter((name) =>
        !["last_login", "updated_at"].includes(name)
      ).join(", ");
      return `INSERT INTO ${table} (${old}) SELECT ${old} FROM was_${table}`;
    }),
    ...tables.map((table) => `DROP TABLE was_${table}`),
    ...(dialect === "postgresql" ? sets : []),
  ];
}

/** Returns the bridge that harbor-db prints for such a database, as one revision of a history. */
async function bridgeOf(bench: Bench, dialect: Dialect): Promise<BenchHistory> {
  const databases = dialect === "sqlite" ? bench.sqlite : bench.postgres;
  const whole = wholeHistory(dialect);
  const wanted = { files: 10, journalMode: "delete", statements: remadeByApplication(dialect) } as const;
  return await databases.withDatabase(wanted, async (url) => {
    const target = { dialect, url, folder: bench.cache, to: "head" };
    const { stdout } = await run(harborCommand(bench.binary, target, ["adopt", "--sql"]));
    // A tool makes its own transaction of a revision.
    const statements = [stdout.replaceAll(/^(?:BEGIN(?: IMMEDIATE)?|COMMIT);$/gm, "")];
    const bridge = { id: first, name: "bridge", statements };
    return { ...whole, revisions: [whole.revisions[0]!, bridge] };
  });
}
