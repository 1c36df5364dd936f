import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { outputOf, type Target, type Tool, wordsOf } from "./tool.ts";

const file = "/usr/bin/alembic";

/** An environment that does nothing but connect, unlike the application's, which first imports the application. */
const environment = `import os
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
`;

/** Alembic as Debian packages it, which brings SQLAlchemy; installed when this user may. */
export function alembicTool(): Tool {
  if (!existsSync(file) && process.getuid?.() === 0) {
    execFileSync("apt-get", [
      "install",
      "-qq",
      "-y",
      "--no-install-recommends",
      "alembic",
      "python3-psycopg2",
    ], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  }
  const command = ({ url, folder }: Target, ...args: readonly string[]) => ({
    file,
    args: ["-c", join(folder, "alembic.ini"), ...args],
    env: { DATABASE_URL: url },
    cwd: folder,
  });
  return {
    name: "alembic",
    version: outputOf(file, "--version").replace(/^.* /, ""),
    dialects: ["sqlite", "postgresql"],
    versionCommand: { file, args: ["--version"] },
    prepare(folder, { revisions }) {
      mkdirSync(join(folder, "alembic/versions"), { recursive: true });
      writeFileSync(join(folder, "alembic.ini"), `[alembic]\nscript_location = ${join(folder, "alembic")}\n`);
      writeFileSync(join(folder, "alembic/env.py"), environment);
      for (const [index, { id, name, statements }] of revisions.entries()) {
        const before = revisions[index - 1];
        const body = statements.map((statement) => `    op.execute(${JSON.stringify(statement)})\n`).join("");
        writeFileSync(
          join(folder, `alembic/versions/${id}_${wordsOf(name)}.py`),
          `from alembic import op\n\nrevision = "${id}"\ndown_revision = ${
            before === undefined ? "None" : `"${before.id}"`
          }\n\n\ndef upgrade():\n${body}`,
        );
      }
    },
    upgrade: (target) => command(target, "upgrade", "head"),
    status: (target) => command(target, "current"),
    baseline: ({ revisions }) => [
      "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
      `INSERT INTO alembic_version VALUES ('${revisions[0]!.id}')`,
    ],
  };
}
