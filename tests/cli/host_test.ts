import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
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

/** What the host has, and more than the project says of it. */
const hosted =
  `CREATE SCHEMA auth; CREATE TABLE auth.users (id integer PRIMARY KEY, mail text, secret text DEFAULT 's');
CREATE TABLE auth.sessions (id integer PRIMARY KEY, owner integer REFERENCES auth.users (id));`;

/** The same tables where the project exports the host's, to refer to it and to read it. */
const exporting = (more = "", others = "") => `
import { integer, pgSchema, pgTable, text } from "drizzle-orm/pg-core";
export const auth = pgSchema("auth");
export const users = auth.table("users", { id: integer().primaryKey(), mail: text() });
${others}
export const todos = pgTable("todos", { id: integer().primaryKey(), owner: integer().references(() => users.id), ${more} });
`;

interface HostedProject {
  /** Runs on the database of the host, and returns what `--json` says. */
  own(code: number, ...args: readonly string[]): Promise<ReturnType<typeof JSON.parse>>;
  /** Runs where scripts are written and tried. */
  run(
    code: number,
    ...args: readonly string[]
  ): Promise<{ readonly stdout: string; readonly stderr: string }>;
  readonly cwd: string;
  write(path: string, text: string): Promise<void>;
  readonly sql: Parameters<Parameters<typeof withClient>[1]>[0];
}

/** A project that exports the host's table, with a first script, and the database of a host. */
const withHosted = (first: string, work: (project: HostedProject) => Promise<void>) =>
  withProject(({ cwd, write, run }) =>
    withOwnedPostgres(15, "CREATEDB", ({ url }) =>
      withClient(url, async (sql) => {
        await write("schema.ts", exporting());
        await run(0, "generate", "First", "--rev-id", "000000000001");
        await rm(join(cwd, "drizzle/SHA256SUMS"));
        await write("drizzle/000000000001_first.sql", first);
        await write("drizzle/000000000001_first.down.sql", 'DROP TABLE "todos";');
        await sql.unsafe(`${hosted} INSERT INTO auth.users VALUES (7)`);
        await work({
          ...{ cwd, write, run, sql },
          own: async (code, ...args) => {
            const result = await runCli([...args, "--json"], { cwd, env: { DATABASE_URL: url } });
            assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
            return JSON.parse(result.stdout);
          },
        });
      }))
  );

const todos =
  `CREATE TABLE "todos" ("id" integer PRIMARY KEY NOT NULL, "owner" integer);--> statement-breakpoint
ALTER TABLE "todos" ADD CONSTRAINT "todos_owner_users_id_fk" FOREIGN KEY ("owner") REFERENCES "auth"."users"("id");`;

test("a table that schema.ts exports and no script makes is the host's, and left alone as one that it only refers to", () =>
  withHosted(
    `-- CREATE SCHEMA "auth";\n-- CREATE TABLE "auth"."users" ("id" integer);\n${todos}`,
    async ({ cwd, write, run, own, sql }) => {
      assert.equal((await own(0, "status")).state, "empty");
      await own(0, "upgrade");
      await sql.unsafe("INSERT INTO todos VALUES (1, 7)");
      const { findings } = await own(0, "verify", "--only", "schema,data");
      assert.deepEqual(findings.map(({ status }: { status: string }) => status), ["pass", "pass"]);
      assert.match(
        findings[0].message,
        /^1 table exactly as .*; not looked at, and in no backup, since the host makes it: auth\.users$/,
      );
      const { backup } = await own(0, "backup");
      assert.deepEqual(
        backup.tables.map(({ name }: { name: string }) => name).filter((name: string) =>
          !/^harbor_/.test(name)
        ),
        ["todos"],
      );
      assert.deepEqual(backup.notFollowed, ["todos (owner) to auth.users (id)"]);
      assert.ok(backup.uncarried.includes("table auth.users"));
      const harbor = await own(0, "backup", "--backup-engine", "harbor");
      assert.ok(harbor.backup.uncarried.includes("table auth.users"));
      assert.equal((await own(0, "generate", "--check")).ok, true);
      await write("schema.ts", exporting("task: text()"));
      await write("drizzle/host.sql", `${hosted} INSERT INTO auth.users VALUES (1), (2);`);
      await run(0, "generate", "Second", "--rev-id", "000000000002");
      assert.doesNotMatch(await readFile(join(cwd, "drizzle/000000000002_second.sql"), "utf8"), /auth/);
      // The kit goes on by it.
      assert.match(
        await readFile(join(cwd, "drizzle/meta/000000000002_snapshot.json"), "utf8"),
        /"auth\.users": \{/,
      );
      await run(0, "check", "--prove");
      await own(0, "upgrade");
      await own(0, "restore", backup.path, "--yes");
      await own(0, "upgrade");
      await own(0, "downgrade", "base", "--yes", "--no-backup");
      assert.deepEqual([...await sql`SELECT id, secret FROM auth.users`], [{ id: 7, secret: "s" }]);
      await own(0, "upgrade", "--no-backup");
      await sql.unsafe("DROP TABLE harbor_version CASCADE");
      await own(0, "adopt", "--yes", "--no-backup");
      await own(0, "verify", "--only", "schema");
      await run(0, "squash", "head");
      await own(0, "status", "--exit-code");
      // What was not the host's before, and is in none of its files, somebody may have meant to be made.
      await write(
        "schema.ts",
        exporting("task: text()", 'export const posts = auth.table("posts", { id: integer() });'),
      );
      const refused = await run(2, "generate", "Third");
      assert.match(
        refused.stderr,
        /Cannot keep "auth\.posts": no script makes its schema[^]*say so in .*drizzle\/host\.sql/,
      );
    },
  ));

test("a table that a script makes where it is not there is the host's once host.sql makes it", () =>
  withHosted(
    `CREATE TABLE IF NOT EXISTS "auth"."users" ("id" integer PRIMARY KEY NOT NULL, "mail" text);--> statement-breakpoint\n${todos}`,
    async ({ write, run, own, sql }) => {
      const refused = await own(4, "upgrade");
      assert.match(
        refused.error.hint,
        /Where the host made auth\.users.*say in .*drizzle\/host\.sql that it does/,
      );
      const copies = [
        await own(0, "backup"),
        await own(0, "backup", "--backup-engine", "harbor"),
      ].map(({ backup }) => backup.path);
      await write("drizzle/host.sql", hosted);
      assert.equal((await own(0, "status")).state, "empty");
      const { backup } = await own(0, "upgrade", "--yes");
      assert.equal(backup, null);
      await own(0, "verify", "--only", "schema");
      await run(0, "check", "--prove");
      await sql.unsafe("INSERT INTO todos VALUES (1, 7)");
      assert.doesNotMatch(JSON.stringify((await own(0, "backup")).backup.tables), /auth/);
      // A copy from before would take the place of what no backup holds.
      await sql.unsafe("INSERT INTO auth.users VALUES (8)");
      for (const copy of copies) {
        const { error } = await own(4, "restore", copy, "--yes");
        assert.match(error.message, /the copy holds schema "auth" too, which is not replaced here/);
        assert.match(error.hint, /--to/);
      }
      assert.deepEqual([...await sql`SELECT id FROM auth.users ORDER BY id`], [{ id: 7 }, { id: 8 }]);
      assert.deepEqual([...await sql`SELECT id FROM todos`], [{ id: 1 }]);
    },
  ));

test("what schema.ts exports and host.sql makes is in no first revision", () =>
  withProject(async ({ cwd, write, run }) => {
    await write("schema.ts", exporting());
    await write("drizzle/host.sql", hosted);
    await run(0, "generate", "First", "--rev-id", "000000000001");
    const script = await readFile(join(cwd, "drizzle/000000000001_first.sql"), "utf8");
    assert.doesNotMatch(script, /CREATE (?:SCHEMA|TABLE "auth")/);
    assert.match(script, /REFERENCES "auth"\."users"/);
  }));
