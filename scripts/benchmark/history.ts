import type { Dialect } from "../../src/base/dialect.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFile } from "../../tests/support/project.ts";

/** A revision as every tool gets it: the same statements, in the tool's own form. */
export interface BenchRevision {
  /** Twelve hex digits. */
  readonly id: string;
  readonly name: string;
  readonly statements: readonly string[];
}

/** Revisions for a bench. */
export interface BenchHistory {
  readonly dialect: Dialect;
  readonly revisions: readonly BenchRevision[];
  /** Whether harbor-db has them built in, with its own scripts for the same schema. */
  readonly builtIn: boolean;
}

/** The application's first two revisions, word for word as its Alembic scripts ran them. */
export function applicationHistory(dialect: Dialect): BenchHistory {
  const id = dialect === "sqlite" ? "INTEGER NOT NULL" : "SERIAL NOT NULL";
  const time = dialect === "sqlite" ? "DATETIME" : "TIMESTAMP WITHOUT TIME ZONE";
  return {
    dialect,
    builtIn: true,
    revisions: [
      {
        id: "71dda59686db",
        name: "initial schema",
        statements: [
          `CREATE TABLE users (id ${id}, uuid VARCHAR(36) NOT NULL, email VARCHAR(255) NOT NULL, password_hash VARCHAR(255) NOT NULL, is_active BOOLEAN, created_at ${time} NOT NULL, PRIMARY KEY (id))`,
          "CREATE INDEX ix_users_uuid ON users (uuid)",
          "CREATE INDEX ix_users_email ON users (email)",
          `CREATE TABLE collections (id ${id}, uuid VARCHAR(36) NOT NULL, name VARCHAR(100) NOT NULL, description TEXT, privacy VARCHAR(20), password_hash VARCHAR(255), expires_at ${time}, created_at ${time} NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id))`,
          "CREATE INDEX ix_collections_uuid ON collections (uuid)",
          `CREATE TABLE files (id ${id}, uuid VARCHAR(36) NOT NULL, filename VARCHAR(255) NOT NULL, original_filename VARCHAR(255) NOT NULL, mime_type VARCHAR(100) NOT NULL, size INTEGER NOT NULL, storage_path VARCHAR(500) NOT NULL, thumbnail_path VARCHAR(500), upload_complete BOOLEAN, created_at ${time} NOT NULL, collection_id INTEGER NOT NULL, PRIMARY KEY (id), FOREIGN KEY(collection_id) REFERENCES collections (id))`,
          "CREATE INDEX ix_files_uuid ON files (uuid)",
        ],
      },
      {
        id: "5b09ebe23c76",
        name: "add r2 storage fields",
        statements: [
          "ALTER TABLE files ADD COLUMN storage_backend VARCHAR(20)",
          "ALTER TABLE files ADD COLUMN metadata_json TEXT",
          "CREATE INDEX ix_files_storage_backend ON files (storage_backend)",
          "UPDATE files SET storage_backend = 'local' WHERE storage_backend IS NULL",
        ],
      },
    ],
  };
}

/** The application's whole history: its first revision, and the scripts that harbor-db brings for all others. */
export function wholeHistory(dialect: Dialect): BenchHistory {
  const folder = projectFile(`drizzle/${dialect}`);
  const journal = JSON.parse(readFileSync(join(folder, "meta/_journal.json"), "utf8")) as {
    readonly entries: readonly { readonly tag: string }[];
  };
  const first = applicationHistory(dialect);
  const others = journal.entries.slice(1).map(({ tag }): BenchRevision => {
    const [id = "", ...words] = tag.split("_");
    const text = readFileSync(join(folder, `${tag}.sql`), "utf8");
    const statements = text.split("--> statement-breakpoint").map((each) => each.trim().replace(/;$/, ""));
    return { id, name: words.join(" "), statements };
  });
  return { ...first, revisions: [first.revisions[0]!, ...others] };
}

/** Many revisions of one small statement each. */
export function smallHistory(dialect: Dialect, count: number): BenchHistory {
  return {
    dialect,
    builtIn: false,
    revisions: Array.from({ length: count }, (_, index) => ({
      id: (index + 1).toString(16).padStart(12, "0"),
      name: `small step ${index + 1}`,
      statements: [`CREATE TABLE step_${index + 1} (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100))`],
    })),
  };
}
