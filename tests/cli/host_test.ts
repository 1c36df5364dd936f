import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { sharedPostgres } from "../support/servers/postgres_server.ts";

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
