import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { engines, sqliteUrl } from "../../tests/support/databases.ts";
import { runCli } from "../../tests/support/run_cli.ts";
import { addFiles, initial } from "../../tests/support/samples/application.ts";
import { makeOrigin, origins } from "../../tests/support/samples/origins.ts";
import {
  ddlOf,
  historyFiles,
  rebuildOf,
  type SampleTable,
} from "../../tests/support/samples/schema_history.ts";
import { idOf } from "../../tests/support/samples/script_history.ts";

/** What is led up and down, or taken over, beside a writer. */
export interface Case {
  readonly name: string;
  /** How the writer writes: see `writer.ts`. */
  readonly writes: "application" | "own";
  /** What takes it from where it is made to its other end, and back; only there where it goes back. */
  readonly there: readonly string[];
  readonly back: readonly string[] | null;
  /** What has the same values in `files` and `twin` at every moment. */
  readonly columns: string;
  /** By place, queries that yield 1: `there` when it has been led there, `back` when it is back. */
  readonly holds: { readonly there: readonly string[]; readonly back: readonly string[] };
  make(path: string, folder: string): Promise<void>;
}

const files = 20_000;
const sqlite = engines.find(({ name }) => name === "sqlite file")!;

const written =
  "id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id";

/** Rows that no writer touches are as they were made, or came back as such. */
const untouched = "id > 15000 AND id <= 20000";

/** The application's own history: indexes, a backfill, changes of definition, and what steps keep and put back. */
const application: Case = {
  name: "the application's history",
  writes: "application",
  there: ["downgrade", initial, "--yes", "--no-backup"],
  back: ["upgrade", "--no-backup"],
  columns: written,
  holds: {
    there: ["SELECT count(*) = 5000 FROM files WHERE " + untouched],
    back: [
      "SELECT last_login IS '2026-01-02 03:04:05' FROM users",
      `SELECT count(*) = 5000 FROM files WHERE ${untouched} AND storage_backend = iif(id % 3 = 0, 'r2', 'local') AND metadata_json IS iif(id % 3 = 0, '{"n":' || id || '}', NULL) AND thumb_path IS iif(id % 5 = 0, 't' || id, NULL)`,
      "SELECT count(*) = 0 FROM files WHERE storage_backend IS NULL",
    ],
  },
  async make(path, folder) {
    const url = sqliteUrl(path);
    await ran(application, ["upgrade", "--no-backup"], path, folder);
    await addFiles(sqlite, url, files);
    change(
      path,
      "UPDATE users SET last_login = '2026-01-02 03:04:05'",
      `UPDATE files SET storage_backend = 'r2', metadata_json = '{"n":' || id || '}' WHERE id % 3 = 0`,
      "UPDATE files SET thumb_path = 't' || id WHERE id % 5 = 0",
      ...twinOf(written),
    );
  },
};

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
const bare: SampleTable = {
  ...filled,
  columns: { id: "integer", kind: "text!", uuid: "text!", name: "text", size: "text" },
};
const indexes = [
  'CREATE INDEX "ix_name" ON "files" ("name")',
  'CREATE INDEX "ix_kind" ON "files" ("kind", "size")',
];
const coalesced = { kind: "coalesce(\"kind\", 'x')" };

/** A history of its own: two indexes, a copy of rows, a column that becomes NOT NULL, one that goes. */
const ownHistory: Case = {
  name: "a history of its own",
  writes: "own",
  there: ["upgrade", "--no-backup"],
  back: ["downgrade", idOf(0), "--yes", "--no-backup"],
  columns: "id, uuid, name, CAST(size AS INTEGER), coalesce(kind, 'x')",
  holds: {
    there: ["SELECT count(*) = 0 FROM files WHERE kind IS NULL"],
    back: [`SELECT count(*) = 5000 FROM files WHERE ${untouched} AND note = 'note ' || id`],
  },
  async make(path, folder) {
    const tables = (files: SampleTable) => ({ tables: { files } });
    const history = historyFiles("sqlite", [
      { ...tables(own), up: ddlOf("files", own), down: ['DROP TABLE "files"'] },
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
    ]);
    for (const [name, text] of history) {
      const file = join(folder, "drizzle/sqlite", name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    await ran(ownHistory, ["upgrade", idOf(0), "--no-backup"], path, folder);
    change(
      path,
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${files})
INSERT INTO files SELECT i, 'u' || i, 'n' || i, i, iif(i % 4 = 0, NULL, 'k'), 'note ' || i FROM n`,
      ...twinOf("id, uuid, name, size, kind"),
      "CREATE UNIQUE INDEX twin_uuid ON twin (uuid)",
    );
  },
};

/** What `db.create_all()` made, led to head by a bridge. */
const bridge: Case = {
  name: "adopt's bridge",
  writes: "application",
  there: ["adopt", "--yes", "--no-backup"],
  back: null,
  columns: written,
  holds: {
    there: [
      `SELECT count(*) = 5000 FROM files WHERE ${untouched} AND storage_backend = iif(id % 3 = 0, 'r2', 'local') AND thumb_path IS iif(id % 5 = 0, 't' || id, NULL)`,
    ],
    back: [],
  },
  async make(path) {
    const url = sqliteUrl(path);
    await makeOrigin(sqlite, url, origins.find(({ name }) => name === "create_all of the newest commit")!);
    change(
      path,
      "DELETE FROM files",
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${files})
INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id, storage_backend, thumb_path)
SELECT i, 'f-' || i, i || '.jpg', 'o', 'image/jpeg', i, 'uploads/' || i, '2025-09-25 13:06:54.566933', (SELECT min(id) FROM collections), iif(i % 3 = 0, 'r2', iif(i % 3 = 1, 'local', NULL)), iif(i % 5 = 0, 't' || i, NULL) FROM n`,
      ...twinOf(written),
    );
  },
};

/** All of them. */
export const cases: readonly Case[] = [application, ownHistory, bridge];

function twinOf(columns: string): readonly string[] {
  const definitions = columns.replace("id", "id INTEGER PRIMARY KEY");
  return [`CREATE TABLE twin (${definitions})`, `INSERT INTO twin SELECT ${columns} FROM files`];
}

function change(path: string, ...statements: readonly string[]): void {
  const database = new DatabaseSync(path);
  try {
    for (const statement of statements) database.exec(statement);
  } finally {
    database.close();
  }
}

/** Returns what harbor-db is told of a case's database and history. */
export function environmentOf({ writes }: Case, path: string, folder: string): Record<string, string> {
  const history = writes === "own" ? { HARBOR_DB_DIR: join(folder, "drizzle") } : {};
  return { DATABASE_URL: sqliteUrl(path), ...history };
}

async function ran(given: Case, args: readonly string[], path: string, cwd: string): Promise<void> {
  const { code, stderr } = await runCli(args, { cwd, env: environmentOf(given, path, cwd) });
  if (code !== 0) throw new Error(`Cannot prepare with "${args.join(" ")}": ${stderr}`);
}
