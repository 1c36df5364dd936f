import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { sharedPostgres, withClient } from "../support/servers/postgres_server.ts";

const config = `export default { dialect: "postgresql", schema: "./schema.ts", out: "./drizzle" };`;

/** As a service's own guide has it: a default and a policy by functions of the service's, for a role of its. */
const schema = (more = "") => `
import { sql } from "drizzle-orm";
import { integer, pgPolicy, pgTable, text } from "drizzle-orm/pg-core";
export const todos = pgTable("todos", {
  id: integer().primaryKey(), owner: text().notNull().default(sql\`auth.user_id()\`), ${more}
}, (t) => [pgPolicy("own", { for: "select", using: sql\`auth.user_id() = \${t.owner}\` })]);
`;

const brought = `CREATE ROLE pg_monitor; CREATE SCHEMA auth;
CREATE FUNCTION auth.user_id() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'nobody'::text $$;
CREATE TABLE plans (id integer);
`;

interface Found {
  readonly findings: readonly {
    readonly check: string;
    readonly status: string;
    readonly message: string;
    readonly details: { readonly host?: { readonly file: string; readonly sha256: string } };
  }[];
}

async function withProject(
  work: (project: {
    readonly cwd: string;
    write(path: string, text: string): Promise<void>;
    run(
      code: number,
      ...args: readonly string[]
    ): Promise<{ readonly stdout: string; readonly stderr: string }>;
  }) => Promise<void>,
): Promise<void> {
  const url = await sharedPostgres(15);
  await withFolder(async (cwd) => {
    await mkdir(join(cwd, "drizzle"));
    const write = (path: string, text: string) => writeFile(join(cwd, path), text);
    await write("drizzle.config.ts", config);
    await write("schema.ts", schema());
    await work({
      cwd,
      write,
      run: async (code, ...args) => {
        const result = await runCli([...args, "--prove-url", url], { cwd });
        assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
        return result;
      },
    });
  });
}

test("revisions that name what a hosting service brings are proven on what host.sql makes, and say so", () =>
  withProject(async ({ cwd, write, run }) => {
    const refused = await run(1, "generate", "First");
    assert.match(refused.stderr, /hosting service brings it, say so in drizzle\/host\.sql/);
    await write("drizzle/host.sql", `${brought}\nCREATE TABEL plans ();`);
    const faulty = await run(2, "generate", "First");
    assert.match(faulty.stderr, /Cannot run "drizzle\/host\.sql" line 5: syntax error/);
    await write("drizzle/host.sql", brought);
    const first = await run(0, "generate", "First");
    assert.match(
      first.stdout,
      /proven on what drizzle\/host\.sql makes, and not on what the host itself brings/,
    );
    assert.match(await readFile(join(cwd, "drizzle/SHA256SUMS"), "utf8"), /^[0-9a-f]{64} {2}host\.sql$/m);
    await write("schema.ts", schema("task: text()"));
    const { hosts } = JSON.parse((await run(0, "generate", "Second", "--json")).stdout);
    assert.deepEqual(hosts.map(({ file }: { file: string }) => file), ["drizzle/host.sql"]);
    const { findings }: Found = JSON.parse((await run(0, "check", "--prove", "--json")).stdout);
    assert.deepEqual(findings.flatMap(({ details }) => details.host?.sha256 ?? []), [hosts[0].sha256]);
    await run(0, "squash", "head");
    await write("drizzle/host.sql", `${brought}CREATE SCHEMA more;`);
    const edited = await run(3, "check", "--prove");
    assert.match(edited.stdout, /host\.sql: it was edited since it was written/);
    await run(0, "check", "--prove", "--accept-edits");
  }));

/** The host's table is in a file that exports it, as a service's own package does, and schema.ts only refers to it. */
const referring = (more = "") => `
import { integer, pgPolicy, pgRole, pgTable, text } from "drizzle-orm/pg-core";
import { users } from "./host.ts";
export const todos = pgTable("todos", {
  id: integer().primaryKey(), owner: integer().notNull().references(() => users.id, { onDelete: "cascade" }), ${more}
}, () => [pgPolicy("own", { to: pgRole("pg_monitor").existing() })]);
`;

test("a reference to a table of the host's is upgraded, verified, backed up and adopted, and that table left alone", () =>
  withProject(({ cwd, write, run }) =>
    withOwnedPostgres(15, "CREATEDB", ({ url }) =>
      withClient(url, async (sql) => {
        await write(
          "host.ts",
          `import { integer, pgSchema, text } from "drizzle-orm/pg-core";
export const users = pgSchema("auth").table("users", { id: integer().primaryKey(), mail: text().unique() });`,
        );
        await write("schema.ts", referring());
        const refused = await run(1, "generate", "First");
        assert.match(refused.stderr, /schema "auth" does not exist[^]*say so in drizzle\/host\.sql/);
        const users =
          "CREATE SCHEMA auth; CREATE TABLE auth.users (id integer PRIMARY KEY, mail text UNIQUE);";
        await write("drizzle/host.sql", `${users} INSERT INTO auth.users VALUES (1), (2);`);
        await run(0, "generate", "First");
        const more = "second: integer().references(() => users.id),";
        await write("schema.ts", referring(`${more} third: integer(), mail: text(),`));
        const second = await run(0, "generate", "Second");
        assert.doesNotMatch(second.stdout, /hazard|without rows/);
        const own = (code: number, ...args: readonly string[]) =>
          runCli([...args, "--json"], { cwd, env: { DATABASE_URL: url } }).then((result) => {
            assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
            return JSON.parse(result.stdout);
          });
        await sql.unsafe(`${users} INSERT INTO auth.users VALUES (7)`);
        await own(0, "upgrade", "+1", "--no-backup");
        await sql.unsafe("INSERT INTO todos (id, owner) VALUES (1, 7)");
        await own(0, "upgrade", "--no-backup");
        await sql.unsafe("UPDATE todos SET second = 7");
        const { findings } = await own(0, "verify", "--only", "schema,data");
        assert.deepEqual(findings.map(({ status }: { status: string }) => status), ["pass", "pass"]);
        const { backup } = await own(0, "backup");
        assert.ok(backup.tables.every(({ name }: { name: string }) => !name.startsWith("auth.")));
        const followed = ["todos (owner) to auth.users (id)", "todos (second) to auth.users (id)"];
        assert.deepEqual([backup.proof, backup.notFollowed], ["scratch database", followed]);
        const looked = await own(0, "backup", "verify", backup.path);
        assert.match(
          JSON.stringify(looked.findings),
          /not looked at: the rows behind todos \(owner\) to auth/,
        );
        await own(0, "restore", backup.path, "--yes");
        // A reference of a column with values that are in no other, in a copy that knows none of the host's rows.
        await write(
          "schema.ts",
          referring(`${more} third: integer().references(() => users.id), mail: text(),`),
        );
        await run(0, "generate", "Third");
        await sql.unsafe("INSERT INTO auth.users VALUES (9, 'a'); UPDATE todos SET third = 9, mail = 'a'");
        const { rehearsal } = await own(0, "upgrade", "--rehearse");
        assert.equal(rehearsal.failure, null);
        assert.match(
          rehearsal.remarks.at(-1),
          /not looked at: behind .*todos \(third\) to auth\.users \(id\)\.$/,
        );
        const upgraded = await own(0, "upgrade", "--max-time", "1h");
        assert.deepEqual(upgraded.backup.notFollowed, followed);
        // No row says the key of the host's table, which has no default. A table of keys alone takes it.
        await write(
          "schema.ts",
          referring(
            `${more} third: integer().references(() => users.id), mail: text().references(() => users.mail),`,
          ),
        );
        await run(0, "generate", "Fourth");
        const fourth = await own(0, "upgrade", "--rehearse");
        assert.equal(fourth.rehearsal.failure, null);
        assert.match(fourth.rehearsal.remarks.at(-1), /todos \(mail\) to auth\.users \(mail\)\.$/);
        const needed = "CREATE FUNCTION auth.no() RETURNS integer LANGUAGE sql AS 'SELECT 7';";
        await write("drizzle/host.sql", `${users} INSERT INTO auth.users VALUES (1), (2); ${needed}`);
        await sql.unsafe(`${needed} ALTER TABLE todos ALTER COLUMN third SET DEFAULT auth.no()`);
        const refusal = await own(1, "upgrade", "--max-time", "1h");
        assert.match(
          refusal.error.message,
          /Cannot make up the rows behind todos \(mail\) to auth\.users \(mail\): null value in column "id"/,
        );
        await sql.unsafe("ALTER TABLE todos ALTER COLUMN third DROP DEFAULT");
        await own(0, "upgrade", "--no-backup");
        await own(0, "downgrade", "-3", "--yes", "--no-backup");
        await own(0, "upgrade", "--no-backup");
        assert.deepEqual([...await sql`SELECT owner, second FROM todos`], [{ owner: 7, second: 7 }]);
        assert.deepEqual([...await sql`SELECT id FROM auth.users`], [{ id: 7 }, { id: 9 }]);
        await sql.unsafe("DROP TABLE harbor_version CASCADE; ALTER TABLE todos DROP COLUMN second");
        await sql.unsafe("ALTER TABLE todos ADD COLUMN second integer; UPDATE todos SET second = 8");
        const conflict = await own(4, "adopt", "--yes", "--no-backup");
        assert.match(conflict.error.message, /refers by second to auth\.users/);
        await sql.unsafe("UPDATE todos SET second = 7");
        await own(0, "adopt", "--yes", "--no-backup");
        await own(0, "verify", "--only", "schema");
      }))
  ));
