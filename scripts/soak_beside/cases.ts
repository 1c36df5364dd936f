import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Engine, engines } from "../../tests/support/databases.ts";
import { runCli } from "../../tests/support/run_cli.ts";
import { addFiles, initial } from "../../tests/support/samples/application.ts";
import { makeOrigin, origins } from "../../tests/support/samples/origins.ts";
import {
  ddlOf,
  historyFiles,
  rebuildOf,
  type SampleRevision,
  type SampleTable,
} from "../../tests/support/samples/schema_history.ts";
import { idOf } from "../../tests/support/samples/script_history.ts";
import { files, touched } from "./rows.ts";

/** What is led up and down, or taken over, beside a writer. */
export interface Case {
  readonly name: string;
  readonly engine: Engine;
  /** How the writer writes: see `writer.ts`. */
  readonly writes: "application" | "own";
  /** What takes it from where it is made to its other end, and back; only there where it goes back. */
  readonly there: readonly string[];
  readonly back: readonly string[] | null;
  /** What has the same values in `files` and `twin` at every moment. */
  readonly columns: string;
  /** By place, what rows count that hold what they should not: `there` when it has been led there, `back` when it is back. */
  readonly wrong: { readonly there: readonly string[]; readonly back: readonly string[] };
  /** Fills a new, empty database; `folder` is the working directory. */
  make(url: string, folder: string): Promise<void>;
}

const sqlite = engines.find(({ name }) => name === "sqlite file")!;

const written =
  "id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id";
/** The values of rows that the application gives others than the scripts do, by their ids. */
const given = {
  storage_backend: "CASE WHEN id % 3 = 0 THEN 'r2' ELSE 'local' END",
  metadata_json: `CASE WHEN id % 3 = 0 THEN '{"n":' || id || '}' END`,
  thumb_path: "CASE WHEN id % 5 = 0 THEN 't' || id END",
};
const isOther = (of: readonly (keyof typeof given)[]) =>
  of.map((name) => `${name} IS DISTINCT FROM ${given[name]}`).join(" OR ");
const untouched = `id > ${touched} AND id <= ${files}`;
/** What `files` lacks of the rows that nobody touches. */
const missing = `SELECT ${files - touched} - count(*) FROM files WHERE ${untouched}`;

/** The application's own history: indexes, a backfill, changes of definition, and what steps keep and put back. */
function application(engine: Engine): Case {
  return {
    name: `the application's history on ${engine.name}`,
    engine,
    writes: "application",
    there: ["downgrade", initial, "--yes", "--no-backup"],
    back: ["upgrade", "--no-backup"],
    columns: written,
    wrong: {
      there: [missing],
      back: [
        missing,
        "SELECT count(*) FROM users WHERE CAST(last_login AS text) IS DISTINCT FROM '2026-01-02 03:04:05'",
        // Rows that were changed and not replaced have all that the writer does not know.
        `SELECT count(*) FROM files WHERE uuid = 'f-' || id AND (${
          isOther(["storage_backend", "metadata_json", "thumb_path"])
        })`,
        "SELECT count(*) FROM files WHERE storage_backend IS NULL",
      ],
    },
    async make(url, folder) {
      await ran(this, ["upgrade", "--no-backup"], url, folder);
      await addFiles(engine, url, files);
      await change(
        this,
        url,
        "UPDATE users SET last_login = '2026-01-02 03:04:05'",
        `UPDATE files SET ${Object.entries(given).map(([name, value]) => `${name} = ${value}`).join(", ")}`,
        ...twinOf(written),
      );
    },
  };
}

const own: SampleTable = {
  columns: { id: "integer", uuid: "text!", name: "text", size: "integer", kind: "text", note: "text" },
  unique: { ix_uuid: "uuid" },
};
// In another order and of another affinity, so that its rows have to be copied.
const copied: SampleTable = {
  ...own,
  columns: { id: "integer", kind: "text", uuid: "text!", name: "text", size: "text", note: "text" },
};
const filled: SampleTable = { ...copied, columns: { ...copied.columns, kind: "text!" } };
// What the script fills these columns with is worked out of what was there.
const workedOut: SampleTable = { ...own, columns: { ...own.columns, size: "text", kind: "text!" } };
const bare: SampleTable = {
  ...filled,
  columns: { id: "integer", kind: "text!", uuid: "text!", name: "text", size: "text" },
};
const indexes = [
  'CREATE INDEX "ix_name" ON "files" ("name")',
  'CREATE INDEX "ix_kind" ON "files" ("kind", "size")',
];
const coalesced = { kind: "coalesce(\"kind\", 'x')" };

const tables = (files: SampleTable) => ({ tables: { files } });
const first: SampleRevision = { ...tables(own), up: ddlOf("files", own), down: ['DROP TABLE "files"'] };

/** A history of its own: two indexes, a copy of rows, a column that becomes NOT NULL, one that goes. */
const ownHistory = ownCase("a history of its own", [
  { ...tables(own), up: indexes, down: ['DROP INDEX "ix_name"', 'DROP INDEX "ix_kind"'] },
  {
    ...tables(copied),
    up: [...rebuildOf("files", copied), ...indexes],
    down: [...rebuildOf("files", own), ...indexes],
  },
  {
    ...tables(filled),
    up: [...rebuildOf("files", filled, coalesced), ...indexes],
    down: [...rebuildOf("files", copied), ...indexes],
  },
  {
    ...tables(bare),
    up: ['ALTER TABLE "files" DROP COLUMN "note"'],
    down: ['ALTER TABLE "files" ADD "note" text'],
  },
], {
  there: ["SELECT count(*) FROM files WHERE kind IS NULL"],
  back: [`SELECT count(*) FROM files WHERE ${untouched} AND note IS NOT 'note ' || id`],
});

/** Copies that work values out: what they make others of comes back where nobody wrote since. */
const workingOut = ownCase("copies that work values out", [
  {
    ...tables(workedOut),
    up: rebuildOf("files", workedOut, {
      size: 'CAST("size" AS text)',
      ...coalesced,
      note: `CASE WHEN "note" LIKE '%7' THEN upper("note") ELSE "note" END`,
    }),
    down: rebuildOf("files", own, { size: 'CAST("size" AS integer)', note: 'lower("note")' }),
  },
], {
  there: [
    "SELECT count(*) FROM files WHERE kind IS NULL OR typeof(size) <> 'text'",
    `SELECT count(*) FROM files WHERE ${untouched} AND note IS NOT iif(id % 10 = 7, 'NOTE ', 'note ') || id`,
  ],
  back: [
    "SELECT count(*) FROM files WHERE typeof(size) <> 'integer'",
    // The writer's own rows are of kind w.
    "SELECT count(*) FROM files WHERE uuid = 'u' || id AND kind IS NOT 'w' AND (note IS NOT 'note ' || id OR kind IS NOT iif(id % 4 = 0, NULL, 'k'))",
  ],
});

function ownCase(name: string, revisions: readonly SampleRevision[], wrong: Case["wrong"]): Case {
  return {
    name,
    engine: sqlite,
    writes: "own",
    there: ["upgrade", "--no-backup"],
    back: ["downgrade", idOf(0), "--yes", "--no-backup"],
    columns: "id, uuid, name, CAST(size AS INTEGER), coalesce(kind, 'x')",
    wrong: { there: [missing, ...wrong.there], back: [missing, ...wrong.back] },
    async make(url, folder) {
      for (const [name, text] of historyFiles("sqlite", [first, ...revisions])) {
        const file = join(folder, "drizzle/sqlite", name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      await ran(this, ["upgrade", idOf(0), "--no-backup"], url, folder);
      await change(
        this,
        url,
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${files})
INSERT INTO files SELECT i, 'u' || i, 'n' || i, i, iif(i % 4 = 0, NULL, 'k'), 'note ' || i FROM n`,
        ...twinOf("id, uuid, name, size, kind"),
        "CREATE UNIQUE INDEX twin_uuid ON twin (uuid)",
      );
    },
  };
}

/** What `db.create_all()` made, led to head by a bridge. */
const bridge: Case = {
  name: "adopt's bridge",
  engine: sqlite,
  writes: "application",
  there: ["adopt", "--yes", "--no-backup"],
  back: null,
  columns: written,
  wrong: {
    there: [
      missing,
      `SELECT count(*) FROM files WHERE uuid = 'f-' || id AND (${
        isOther(["storage_backend", "thumb_path"])
      })`,
    ],
    back: [],
  },
  async make(url) {
    await makeOrigin(sqlite, url, origins.find(({ name }) => name === "create_all of the newest commit")!);
    await change(
      this,
      url,
      "DELETE FROM files",
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${files})
INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id, storage_backend, thumb_path)
SELECT i, 'f-' || i, i || '.jpg', 'o', 'image/jpeg', i, 'uploads/' || i, '2025-09-25 13:06:54.566933', (SELECT min(id) FROM collections), iif(i % 3 = 0, 'r2', iif(i % 3 = 1, 'local', NULL)), iif(i % 5 = 0, 't' || i, NULL) FROM n`,
      ...twinOf(written),
    );
  },
};

/** All of them. */
export const cases: readonly Case[] = [
  application(sqlite),
  application(engines.find(({ name }) => name === "postgres 15")!),
  ownHistory,
  workingOut,
  bridge,
];

function twinOf(columns: string): readonly string[] {
  return [`CREATE TABLE twin AS SELECT ${columns} FROM files`, "CREATE UNIQUE INDEX twin_id ON twin (id)"];
}

async function change({ engine }: Case, url: string, ...statements: readonly string[]): Promise<void> {
  for (const statement of statements) await engine.query(url, statement);
}

/** Returns what harbor-db is told of a case's database and history. */
export function environmentOf({ writes }: Case, url: string, folder: string): Record<string, string> {
  const history = writes === "own" ? { HARBOR_DB_DIR: join(folder, "drizzle") } : {};
  return { DATABASE_URL: url, ...history };
}

async function ran(given: Case, args: readonly string[], url: string, cwd: string): Promise<void> {
  const { code, stderr } = await runCli(args, { cwd, env: environmentOf(given, url, cwd) });
  if (code !== 0) throw new Error(`Cannot prepare with "${args.join(" ")}": ${stderr}`);
}
