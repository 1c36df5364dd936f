import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import type { HarborError } from "../../../src/base/errors.ts";
import type { PostgresUrl } from "../../../src/base/url/postgres_url.ts";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { postgresScratch } from "../../../src/engines/postgres/scratch.ts";
import type { CopiedScratch } from "../../../src/engines/scratch.ts";
import { userStatement } from "../../../src/engines/statement_names.ts";
import type { Database, WriteMode } from "../../../src/engines/database.ts";
import { testClient } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { prove } from "../../support/prove_engines.ts";
import { schemaHistory } from "../../support/samples/schema_history.ts";
import { sharedPostgres, withClient } from "../../support/servers/postgres_server.ts";

const notes = { notes: { columns: { id: "integer!" } } } as const;
const table = 'CREATE TABLE "notes" ("id" integer PRIMARY KEY NOT NULL)';

const admin = () => sharedPostgres(15);

async function withScratch(
  work: (scratch: CopiedScratch, told: readonly string[]) => Promise<unknown>,
): Promise<readonly string[]> {
  const url = parseDatabaseUrl(await admin()) as PostgresUrl;
  const told: string[] = [];
  const scratch = postgresScratch(url, { client: testClient, onLeft: (text) => told.push(text) });
  await work(scratch, told);
  return [...told, ...scratch.notRun];
}

async function run(statement: string): Promise<void> {
  await withClient(await admin(), (client) => client.unsafe(statement));
}

/** Returns the rights of a role to log in; `null` where there is none. */
async function loginOf(name: string): Promise<boolean | null> {
  const rows = await withClient(
    await admin(),
    (client) => client.unsafe(`SELECT rolcanlogin AS login FROM pg_roles WHERE rolname = '${name}'`),
  );
  return rows[0]?.["login"] ?? null;
}

/** Revisions of which the second makes a role and the last one changes it. */
function historyOf(
  role: string,
  down: readonly string[] = [`REVOKE ALL ON "notes" FROM ${role}`, `DROP ROLE ${role}`],
) {
  return schemaHistory("postgresql", [
    { tables: notes, up: [table], down: ['DROP TABLE "notes"'] },
    { tables: notes, up: [`CREATE ROLE ${role}`, `GRANT SELECT ON "notes" TO ${role}`], down },
    { tables: notes, up: [`ALTER ROLE ${role} LOGIN`], down: [`ALTER ROLE ${role} NOLOGIN`] },
  ]);
}

test("roles that scripts make are made once in each way of a proof, and gone afterwards", async () => {
  const role = "proof_made_reader";
  const told = await withScratch((scratch) => prove(historyOf(role), scratch));
  assert.deepEqual([told, await loginOf(role)], [[], null]);
});

test("a role that was on the server before a proof is neither made, changed nor dropped", async () => {
  const role = "proof_found_reader";
  await run(`CREATE ROLE ${role}`);
  try {
    const told = await withScratch((scratch) => prove(historyOf(role), scratch));
    assert.equal(await loginOf(role), false);
    assert.ok(told.length > 0);
    assert.match(told[0]!, /^the role proof_found_reader was on the server before the proof: /);
    const code = [`DO $$ BEGIN DROP ROLE ${role}; END $$`];
    const error = await rejectsWith(
      "not_proven",
      withScratch((scratch) => prove(historyOf(role, code), scratch)),
    );
    assert.match(error.message, /code in them may drop the role "proof_found_reader"/);
    assert.match(error.hintLines.join(" "), /outside of code.*--prove-url/);
    assert.equal(await loginOf(role), false);
  } finally {
    await run(`DROP ROLE ${role}`);
  }
});

test("a proof makes and ends no membership of roles that were on the server before it", async () => {
  const [member, group, made] = ["proof_found_member", "proof_found_group", "proof_made_member"];
  await run(
    `CREATE ROLE ${member}; CREATE ROLE ${group}; GRANT ${group} TO ${member}; COMMENT ON ROLE ${group} IS 'ours'`,
  );
  const found = async () =>
    await withClient(
      await admin(),
      (client) =>
        client.unsafe(
          `SELECT pg_has_role('${member}', '${group}', 'MEMBER') AS a, pg_has_role('${group}', 'pg_monitor', 'MEMBER') AS b,
            shobj_description('${group}'::regrole, 'pg_authid') AS c`,
        ),
    );
  const before = await found();
  try {
    const up = [
      `REVOKE ADMIN OPTION FOR ${group} FROM ${member}`,
      `REVOKE ${group} FROM ${member}`,
      `GRANT pg_monitor TO "${group}" WITH ADMIN OPTION`,
      `COMMENT ON ROLE ${group} IS 'theirs'`,
      `CREATE ROLE ${made}`,
      `GRANT ${group} TO ${made}`,
      // It fails where the member is none.
      `DO $$ BEGIN IF NOT pg_has_role('${made}', '${group}', 'MEMBER') THEN RAISE 'no member'; END IF; END $$`,
    ];
    const history = schemaHistory("postgresql", [
      { tables: notes, up: [table], down: ['DROP TABLE "notes"'] },
      { tables: notes, up, down: [`DROP ROLE ${made}`] },
    ]);
    const told = await withScratch((scratch) => prove(history, scratch));
    assert.deepEqual([...await found()], [...before]);
    assert.equal(await loginOf(made), null);
    for (const name of [member, group]) {
      assert.ok(told.some((text) => text.startsWith(`the role ${name} was`)));
    }
  } finally {
    await run(`DROP ROLE ${member}, ${group}`);
  }
});

test("a role of scripts long before is dropped in a proof as it would be, or not", async () => {
  const role = "proof_old_reader";
  const step = { tables: notes, up: ["SELECT 1"], down: ["SELECT 1"] };
  const history = schemaHistory("postgresql", [
    { tables: notes, up: [table], down: ['DROP TABLE "notes"'] },
    {
      tables: notes,
      up: [`CREATE ROLE ${role}`, `GRANT SELECT ON "notes" TO ${role}`],
      down: [`REVOKE ALL ON "notes" FROM ${role}`, `DROP ROLE ${role}`],
    },
    ...Array.from({ length: 9 }, () => step),
    { tables: notes, up: [`DROP ROLE ${role}`], down: [`CREATE ROLE ${role}`] },
  ]);
  const error = await rejectsWith(
    "not_proven",
    withScratch((scratch) => prove(history, scratch, 11)),
  );
  assert.match(error.message, /role "proof_old_reader" cannot be dropped because some objects depend on it/);
  assert.equal(await loginOf(role), null);
});

test("code names a role in whichever letters, and not by a part of another's name", async () => {
  const [short, long] = ["proof_app", "proof_app_reader"];
  await run(`CREATE ROLE ${short}`);
  try {
    const down = (
      name: string,
    ) => [`REVOKE ALL ON "notes" FROM ${long}`, `DO $$ BEGIN DROP ROLE ${name}; END $$`];
    await withScratch((scratch) => prove(historyOf(long, down(long)), scratch));
    const error = await rejectsWith(
      "not_proven",
      withScratch((scratch) => prove(historyOf(long, down(short.toUpperCase())), scratch)),
    );
    assert.match(error.message, /code in them may drop the role "proof_app": /);
    assert.deepEqual([await loginOf(short), await loginOf(long)], [false, null]);
  } finally {
    await run(`DROP ROLE IF EXISTS ${short}, ${long}`);
  }
});

test("a role of which a way down leaves something is refused with the way to write it", async () => {
  const role = "proof_stays_reader";
  const down = [`REVOKE ALL ON "notes" FROM ${role}`];
  const error = await rejectsWith(
    "not_proven",
    withScratch((scratch) => prove(historyOf(role, down), scratch)),
  );
  assert.match(error.message, /role "proof_stays_reader" already exists$/);
  assert.equal(await loginOf(role), null);
  const cause = error.cause as HarborError;
  assert.match(
    cause.hintLines.join(" "),
    /DO \$\$ BEGIN CREATE ROLE proof_stays_reader; EXCEPTION WHEN duplicate_object/,
  );
});

test("a role of a proof that was killed stays, since it may be in use by now, and is named with the way to drop it", async () => {
  const role = "proof_left_reader";
  await run(`CREATE ROLE ${role}; COMMENT ON ROLE ${role} IS 'harbor_db_proof_1_1_abcdef01'`);
  try {
    const told = await withScratch((scratch) => prove(historyOf(role), scratch));
    assert.equal(await loginOf(role), false);
    assert.equal(
      told[0],
      'the role proof_left_reader was left on the server by a proof that was killed (unless it is in use since: DROP ROLE "proof_left_reader"): what scripts do to the role itself was not run',
    );
  } finally {
    await run(`DROP ROLE ${role}`);
  }
});

/** Runs scripts' statements in one batch. */
async function script(database: Database, texts: readonly string[], mode?: WriteMode): Promise<void> {
  await database.write(texts.map((text) => userStatement(sql.raw(text))), mode);
}

async function ask(query: string): Promise<unknown> {
  return (await withClient(await admin(), (client) => client.unsafe(query)))[0]?.["value"];
}

test("what belongs to a role that was there stays its own, and what is the proof's goes", async () => {
  const [role, made, database] = ["proof_found_owner", "proof_made_owner", "proof_found_owned"];
  await run(`CREATE ROLE ${role}`);
  await run(`CREATE DATABASE ${database} OWNER ${role}`);
  const owned =
    `SELECT datdba::regrole || datacl::text AS value FROM pg_database WHERE datname = '${database}'`;
  try {
    await run(`GRANT CREATE ON DATABASE ${database} TO ${role}`);
    const before = await ask(owned);
    const told = await withScratch((scratch) =>
      scratch(async (copy) => {
        await script(copy, [
          `CREATE ROLE ${made}`,
          "CREATE TABLE t (a integer)",
          `ALTER TABLE t OWNER TO ${made}`,
          `REASSIGN OWNED BY ${role} TO CURRENT_USER`,
          `REASSIGN OWNED BY ${role}, "${made}" TO CURRENT_USER`,
          `GRANT SELECT ON t TO ${made}`,
          `DROP OWNED BY ${role} CASCADE`,
          `DROP OWNED BY ${made.toUpperCase()}, ${role} CASCADE`,
          // It is refused while anything is granted to it, or its own.
          `DROP ROLE ${made}`,
        ]);
      })
    );
    assert.deepEqual([await ask(owned), await loginOf(made)], [before, null]);
    assert.deepEqual(told, [
      `the role ${role} was on the server before the proof: what scripts do to the role itself was not run`,
    ]);
  } finally {
    await run(`DROP DATABASE ${database}`);
    await run(`DROP ROLE ${role}`);
  }
});

test("a role that others make during a proof stays, whatever code names it", async () => {
  const [made, others, commented] = ["proof_code_made", "proof_code_others", "proof_code_commented"];
  try {
    const told = await withScratch((scratch) =>
      scratch(async (copy) => {
        await script(copy, [
          `DO $$ BEGIN CREATE ROLE ${made}; IF false THEN CREATE ROLE ${others}; END IF; END $$`,
        ]);
        await run(`CREATE ROLE ${others}`);
        await script(copy, [
          `DO $$ BEGIN CREATE ROLE ${others}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
        ]);
        await script(copy, [
          `DO $$ BEGIN CREATE ROLE ${commented}; COMMENT ON ROLE ${commented} IS 'ours'; END $$`,
          `ALTER ROLE ${others} LOGIN`,
        ]);
      })
    );
    assert.deepEqual(
      [await loginOf(made), await loginOf(others), await loginOf(commented)],
      [null, false, false],
    );
    assert.deepEqual(told.toSorted(), [
      `the role ${commented} is new on the server, and nothing says whether the proof made it: it was left`,
      `the role ${others} is new on the server, and nothing says whether the proof made it: it was left`,
      `the role ${others} was made by others during the proof: what scripts do to the role itself was not run`,
    ]);
  } finally {
    await run(`DROP ROLE IF EXISTS ${others}, ${commented}`);
  }
});

test("a role is known as the proof's by its mark, whatever scripts call it and say of it", async () => {
  const [first, second, third] = ["proof_name_first", "proof_name_second", "proof_name_third"];
  const told = await withScratch((scratch) =>
    scratch(async (copy) => {
      await script(copy, [`CREATE ROLE ${first}`, `COMMENT ON ROLE ${first} IS 'ours'`]);
      await script(copy, [`ALTER ROLE ${first} RENAME TO ${second}`, `COMMENT ON ROLE ${second} IS 'ours'`]);
      await script(copy, [`ALTER ROLE ${second} LOGIN`, `CREATE ROLE ${first}`], "alone");
      await script(copy, [`CREATE ROLE ${third}`, `ALTER ROLE ${third} RENAME TO "${third} x"`]);
      await script(copy, [
        `CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE ROLE ${third}; END'`,
      ]);
      await script(copy, ["SELECT f()"]);
      await assert.rejects(script(copy, [`CREATE ROLE ${first}_alone`, "SELECT 1 / 0"], "alone"));
      assert.deepEqual([await loginOf(first), await loginOf(second)], [false, true]);
    })
  );
  assert.deepEqual(told, []);
  assert.equal(await ask("SELECT count(*)::int AS value FROM pg_roles WHERE rolname ~ '^proof_name_'"), 0);
});

test("a proof leaves the roles of another alone, and says so", async () => {
  const role = "proof_busy_reader";
  let toldOther: readonly string[] = [];
  const told = await withScratch((scratch) =>
    scratch(async (copy) => {
      await script(copy, [`CREATE ROLE ${role}`]);
      toldOther = await withScratch((other) =>
        other(async (copy) => {
          await script(copy, [`ALTER ROLE ${role} LOGIN`, `DROP OWNED BY ${role}`, `DROP ROLE ${role}`]);
        })
      );
      assert.equal(await loginOf(role), false);
    })
  );
  assert.deepEqual([told, await loginOf(role)], [[], null]);
  assert.deepEqual(toldOther, [
    `the role ${role} was made by a proof that is at work: what scripts do to the role itself was not run`,
  ]);
});

test("copies of a proof's database have its roles, and leave them to it", async () => {
  const [role, more] = ["proof_copied_reader", "proof_copied_more"];
  const told = await withScratch((scratch) =>
    scratch.after(
      (database) => script(database, [`CREATE ROLE ${role}`]),
      async (copies) => {
        for (const each of [1, 2]) {
          await copies((copy) => script(copy, [`ALTER ROLE ${role} LOGIN`, `CREATE ROLE ${more}`]));
          assert.deepEqual([each, await loginOf(role), await loginOf(more)], [each, true, null]);
        }
      },
    )
  );
  assert.deepEqual([told, await loginOf(role)], [[], null]);
});

test("of a membership the part runs that is the proof's", async () => {
  const [a, b, c, d] = ["proof_grant_a", "proof_grant_b", "proof_grant_c", "proof_grant_d"];
  await run(`CREATE ROLE ${a}; CREATE ROLE ${b}`);
  try {
    await withScratch((scratch) =>
      scratch(async (copy) => {
        const pairs = async () =>
          await copy.read<{ pair: string }>(sql.raw(
            `SELECT roleid::regrole || ' ' || member::regrole AS pair FROM pg_auth_members
              WHERE roleid::regrole::text ~ '^proof_grant_' ORDER BY 1`,
          ));
        const of = (...each: readonly string[]) => each.map((pair) => ({ pair }));
        await script(copy, [`CREATE ROLE ${c}`, `CREATE ROLE ${d}`, `GRANT ${a}, ${c} TO ${b}, "${d}"`]);
        assert.deepEqual(await pairs(), of(`${a} ${d}`, `${c} ${d}`));
        await script(copy, [`GRANT ${c} TO ${b}`]);
        await script(copy, [
          `REVOKE ${a} FROM ${b}, ${d} CASCADE`,
          `REVOKE ADMIN OPTION FOR ${a}, ${c} FROM ${b}`,
        ]);
        assert.deepEqual(await pairs(), of(`${c} ${b}`, `${c} ${d}`));
      })
    );
    assert.deepEqual([await loginOf(a), await loginOf(c)], [false, null]);
  } finally {
    await run(`DROP ROLE ${a}, ${b}`);
  }
});

test("code that drops or changes a role which no name tells is refused where others have roles", async () => {
  const [role, made] = ["proof_told_reader", "proof_told_made"];
  await run(`CREATE ROLE ${role}`);
  const bodies = [
    "EXECUTE format('DROP ROLE %I', r);",
    "EXECUTE 'drop role if exists ' || r;",
    `EXECUTE 'DROP USER ${made.slice(0, -1)}' || r;`,
    `DROP ROLE ${role};`,
    `DROP ROLE ${made}, ${role};`,
    `DROP/* */OWNED BY ${role};`,
    `REASSIGN OWNED BY ${role} TO CURRENT_USER;`,
    `ALTER ROLE "${role}" LOGIN;`,
    "ALTER ROLE CURRENT_USER SET search_path = a;",
  ];
  try {
    await withScratch((scratch) =>
      scratch(async (copy) => {
        for (const body of bodies) {
          const text = `CREATE FUNCTION f(r text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`;
          const error = await rejectsWith("check_failed", script(copy, [text]));
          assert.match(error.message, /^Cannot prove the scripts while code in them may /);
          assert.match(error.hintLines.join(" "), /--prove-url|outside of code/);
        }
        await script(copy, [
          `DO $$ BEGIN CREATE ROLE ${made}; EXCEPTION WHEN duplicate_object THEN ALTER ROLE ${made} LOGIN; END $$`,
          `DO $$ BEGIN DROP OWNED BY ${made}; EXECUTE 'DROP ROLE ${made}'; END $$`,
        ]);
      })
    );
    assert.deepEqual([await loginOf(role), await loginOf(made)], [false, null]);
  } finally {
    await run(`DROP ROLE ${role}`);
  }
});

test("a role of host.sql that the server lacks goes with the proof", async () => {
  const role = "proof_host_anon";
  const history = schemaHistory("postgresql", [
    { tables: notes, up: [table, `GRANT SELECT ON "notes" TO ${role}`], down: ['DROP TABLE "notes"'] },
  ]);
  const host = { file: "drizzle/host.sql", text: () => `CREATE ROLE ${role};` };
  const told = await withScratch((scratch) => prove({ ...history, host }, scratch));
  assert.deepEqual([told, await loginOf(role)], [[], null]);
});

test("where the server does not answer at the end, the roles are named that may be left", async () => {
  const role = "proof_lost_reader";
  try {
    const told = await withScratch((scratch) =>
      scratch(async (copy) => {
        await script(copy, [`CREATE ROLE ${role}`]);
        const [row] = await copy.read<{ name: string }>(sql`SELECT current_database() AS name`);
        await run(`SELECT pg_terminate_backend(${row!.name.split("_")[3]})`);
      })
    );
    assert.match(
      told.at(-1)!,
      /^roles that the proof made may be on the server still, with the comment harbor_db_proof_/,
    );
    // It drops the database that was left.
    const next = await withScratch((scratch) =>
      scratch((copy) => script(copy, [`ALTER ROLE ${role} LOGIN`]))
    );
    assert.match(next[0]!, /^the role proof_lost_reader was left on the server by a proof that was killed /);
  } finally {
    await run(`DROP ROLE ${role}`);
  }
});
