import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborError } from "../../../src/base/errors.ts";
import type { PostgresUrl } from "../../../src/base/url/postgres_url.ts";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { postgresScratch } from "../../../src/engines/postgres/scratch.ts";
import type { CopiedScratch } from "../../../src/engines/scratch.ts";
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
  await work(postgresScratch(url, { client: testClient, onLeft: (text) => told.push(text) }), told);
  return told;
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
