import assert from "node:assert/strict";
import { test } from "node:test";
import { trustingOwner } from "../../src/base/url/database_url.ts";
import { openDatabase } from "../../src/engines/open/database.ts";
import { testClient, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { withAttacker } from "../support/postgres_attacker.ts";
import { parsePostgres, run } from "../support/postgres_engines.ts";
import { sql } from "../support/user_sql.ts";
import { ownTable } from "../../src/engines/statement_names.ts";
import { sql as ours } from "drizzle-orm";

/** What an owner can hang on a table, and how the refusal names it; `evil` returns true, `evil_trigger` is a trigger's. */
const hung: readonly (readonly [string, string, RegExp])[] = [
  [
    "a trigger",
    "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION evil_trigger()",
    /trigger tr/,
  ],
  ["a default", "ALTER TABLE t ADD d boolean DEFAULT evil(1)", /default of t\.d/],
  [
    "a generated column",
    "ALTER TABLE t ADD g boolean GENERATED ALWAYS AS (evil(id)) STORED",
    /generated column t\.g/,
  ],
  ["a check", "ALTER TABLE t ADD CONSTRAINT k CHECK (evil(id))", /check constraint k/],
  [
    "an index on an expression, of a table of another schema that inherits from one,",
    "CREATE SCHEMA apart; CREATE TABLE apart.kid () INHERITS (t); CREATE INDEX x ON apart.kid (evil(id))",
    /index x/,
  ],
  [
    "a materialized view over a view of another schema",
    "CREATE SCHEMA apart; CREATE VIEW apart.v AS SELECT evil(1) AS e; CREATE MATERIALIZED VIEW m AS SELECT * FROM apart.v",
    /materialized view m/,
  ],
  ["a rule", "CREATE RULE r AS ON UPDATE TO t DO ALSO SELECT 1", /rule r/],
  [
    "a default that runs a query",
    "ALTER TABLE t ADD q xml DEFAULT query_to_xml('SELECT 1', true, true, '')",
    /default of t\.q/,
  ],
  [
    "a domain's check",
    "CREATE DOMAIN dom AS int CHECK (evil(VALUE)); ALTER TABLE t ADD o dom",
    /check of domain dom/,
  ],
  [
    "a cast",
    "CREATE TYPE mood AS ENUM ('a'); ALTER TABLE t ADD m mood; CREATE FUNCTION evil_text(mood) RETURNS text LANGUAGE sql AS 'SELECT ''x'''; CREATE CAST (mood AS text) WITH FUNCTION evil_text(mood) AS IMPLICIT",
    /cast from .*mood/,
  ],
  [
    "the difference of a range that a domain is over",
    "CREATE FUNCTION apart(int, int) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT 1.0::float8'; CREATE TYPE r AS RANGE (SUBTYPE = int, SUBTYPE_DIFF = apart); CREATE DOMAIN dr AS r; ALTER TABLE t ADD r dr",
    /difference of range/,
  ],
  [
    "a function named like one of PostgreSQL's",
    "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
    /function .*lower/,
  ],
];

/** A way to the owner's code that leads through a type, or past the schema. */
interface Way {
  readonly what: string;
  /** Run by the owner, who has a schema `a` for it, and a domain `a.d` whose check is `evil`. */
  readonly owner: string;
  /** The only version that has it. */
  readonly only?: 15 | 18;
  /** Run by a superuser before and after it. */
  readonly admin?: readonly [before: string, after: string];
  /** What runs it when nobody takes care; not said where that would leave the database. */
  readonly runs?: string;
  /** Whether it is enough to look at the table. */
  readonly byLook?: false;
  /** How the refusal names it. */
  readonly named: RegExp;
}

const insert = "INSERT INTO t (id) VALUES (7)";
const ways: readonly Way[] = [
  {
    what: "a domain of another schema as a column",
    owner: "ALTER TABLE t ADD o a.d",
    runs: "UPDATE t SET o = 1",
    named: /check of domain d/,
  },
  {
    what: "a domain over a domain of another schema",
    owner: "CREATE DOMAIN a.over AS a.d; ALTER TABLE t ADD o a.over",
    runs: "UPDATE t SET o = 1",
    named: /check of domain d/,
  },
  {
    what: "a domain within an array within a row",
    owner: "CREATE TYPE a.pair AS (x a.d[]); ALTER TABLE t ADD o a.pair",
    runs: "UPDATE t SET o = row(ARRAY[1])",
    named: /check of domain d/,
  },
  {
    what: "a domain whose check makes another",
    owner: "CREATE DOMAIN a.outer AS int CHECK (VALUE::a.d > 0); ALTER TABLE t ADD o a.outer",
    runs: "UPDATE t SET o = 1",
    named: /check of domain d/,
  },
  {
    what: "a domain in a range",
    owner: "CREATE TYPE a.r AS RANGE (SUBTYPE = a.d); ALTER TABLE t ADD o a.r",
    runs: "UPDATE t SET o = '[1,2]'",
    named: /check of domain d/,
  },
  {
    what: "a domain in an index's expression",
    owner: "CREATE INDEX x ON t ((id::a.d))",
    runs: insert,
    named: /check of domain d/,
  },
  {
    what: "a domain in an index's condition",
    owner: "CREATE INDEX x ON t (id) WHERE 1::a.d = 1",
    runs: insert,
    named: /check of domain d/,
  },
  {
    what: "a domain in a check constraint",
    owner: "ALTER TABLE t ADD CHECK (id::a.d > 0)",
    runs: insert,
    named: /check of domain d/,
  },
  {
    what: "a domain in a column's default",
    owner: "ALTER TABLE t ADD o int DEFAULT ((random() * 9)::int::a.d)",
    runs: insert,
    named: /check of domain d/,
  },
  {
    what: "a domain in a trigger's condition",
    owner:
      "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.id::a.d > 0) EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    runs: "UPDATE t SET id = 8",
    named: /check of domain d/,
  },
  {
    what: "a domain in a rule's query",
    owner: "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT NEW.id::a.d",
    runs: insert,
    named: /check of domain d/,
  },
  {
    what: "a domain in the key of a partitioned table",
    owner: "CREATE TABLE p (id int) PARTITION BY RANGE ((id::a.d)); CREATE TABLE p1 PARTITION OF p DEFAULT",
    runs: "INSERT INTO p VALUES (1)",
    named: /check of domain d/,
  },
  {
    what: "the default of a domain",
    owner: "CREATE DOMAIN a.e AS boolean DEFAULT public.evil(1); ALTER TABLE t ADD o a.e",
    runs: insert,
    byLook: false,
    named: /default of domain e/,
  },
  {
    what: "a cast of what a domain is over",
    owner:
      `CREATE TYPE a.mood AS ENUM ('a'); CREATE DOMAIN a.moody AS a.mood; ALTER TABLE t ADD m a.moody DEFAULT 'a';
      CREATE FUNCTION a.told(a.mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(1); RETURN 'x'; END $$;
      CREATE CAST (a.mood AS text) WITH FUNCTION a.told(a.mood)`,
    runs: "SELECT m::text FROM t",
    named: /cast from a\.mood/,
  },
  {
    what: "a cast in an index's condition",
    owner: `CREATE TYPE a.mood AS ENUM ('a');
      CREATE FUNCTION a.number(a.mood) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(1); RETURN 1; END $$;
      CREATE CAST (a.mood AS int) WITH FUNCTION a.number(a.mood); CREATE INDEX x ON t (id) WHERE 'a'::a.mood::int = 1`,
    runs: "SELECT FROM t WHERE id = 1",
    named: /index x/,
  },
  {
    what: "an operator of another schema in an index's condition",
    owner: `CREATE FUNCTION a.same(int, int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
        $$ BEGIN PERFORM public.evil(1); RETURN true; END $$;
      CREATE OPERATOR a.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = a.same);
      CREATE INDEX x ON t (id) WHERE 1 OPERATOR(a.@@@) 1`,
    runs: "SELECT FROM t WHERE id = 1",
    named: /index x/,
  },
  {
    what: "an aggregate in a materialized view",
    owner:
      `CREATE FUNCTION a.add(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(1); RETURN 1; END $$;
      CREATE AGGREGATE a.total(int) (SFUNC = a.add, STYPE = int, INITCOND = '0');
      CREATE MATERIALIZED VIEW m AS SELECT a.total(id) FROM t`,
    runs: "CREATE TABLE filled AS SELECT a.total(id) FROM t",
    byLook: false,
    named: /materialized view m/,
  },
  {
    what: "a default that asks an extension to go to another server",
    admin: ["CREATE EXTENSION dblink", ""],
    owner:
      "ALTER TABLE t ADD o text; ALTER TABLE t ALTER o SET DEFAULT public.dblink_exec('dbname=postgres', 'SELECT 1')",
    byLook: false,
    named: /default of t\.o/,
  },
  {
    what: "a foreign table that inherits from one",
    admin: [
      "CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw; GRANT USAGE ON FOREIGN SERVER s TO $owner; GRANT pg_execute_server_program TO $owner",
      "REVOKE pg_execute_server_program FROM $owner",
    ],
    owner: "CREATE FOREIGN TABLE a.f () INHERITS (t) SERVER s OPTIONS (program 'touch $proof')",
    runs: "SELECT FROM t",
    named: /foreign table f/,
  },
  {
    what: "an event trigger's function",
    owner:
      "CREATE FUNCTION a.et() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(1); END $$",
    admin: ["", "CREATE EVENT TRIGGER noted ON ddl_command_start EXECUTE FUNCTION a.et()"],
    runs: "CREATE TABLE made (id int)",
    byLook: false,
    named: /event trigger noted/,
  },
  {
    what: "a role that the database gives to sessions, which can be left again,",
    owner: `CREATE FUNCTION a.up() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM set_config('role', 'none', false); PERFORM public.act(); RETURN NEW; END $$;
      CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION a.up(); ALTER DATABASE $owner SET role = '$owner'`,
    runs: insert,
    byLook: false,
    named: /trigger tr/,
  },
  {
    what: "a trigger of another schema's table to which a foreign key leads",
    // Since 18 it runs with the rights of the role that the foreign key acts as.
    only: 15,
    owner:
      `ALTER TABLE t ADD PRIMARY KEY (id); CREATE TABLE a.child (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE);
      CREATE TABLE a.grandchild (id int REFERENCES a.child ON DELETE CASCADE);
      INSERT INTO a.child VALUES (1); INSERT INTO a.grandchild VALUES (1);
      CREATE FUNCTION a.gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.act(); RETURN NULL; END $$;
      CREATE TRIGGER tr AFTER DELETE ON a.grandchild FOR EACH ROW EXECUTE FUNCTION a.gone()`,
    runs: "DELETE FROM t",
    byLook: false,
    named: /would run[^]*trigger tr/,
  },
  ...[
    ["domain_in", "domain_in(textout(id::text), to_regtype('a.d'), -1) IS NOT NULL"],
    ["array_in", "array_in(textout('{' || id || '}'), to_regtype('a.d'), -1) IS NOT NULL"],
  ].map(([what, check]): Way => ({
    what: `${what}() of a type that a text names, in a check constraint`,
    owner: `ALTER TABLE t ADD CONSTRAINT k CHECK (${check}) NOT VALID`,
    runs: insert,
    named: /check constraint k/,
  })),
  {
    what: "pg_input_is_valid() of a type that a text names, in a check constraint",
    only: 18,
    owner: "ALTER TABLE t ADD CONSTRAINT k CHECK (pg_input_is_valid(id::text, 'a.d')) NOT VALID",
    runs: insert,
    named: /check constraint k/,
  },
  {
    what: "a domain that JSON_VALUE returns, in a check constraint",
    only: 18,
    owner:
      "ALTER TABLE t ADD CONSTRAINT k CHECK (JSON_VALUE(to_jsonb(id), '$' RETURNING a.d) IS NOT NULL) NOT VALID",
    runs: insert,
    named: /check constraint k/,
  },
  {
    what: "a foreign table in the place of one",
    admin: [
      "CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw; GRANT USAGE ON FOREIGN SERVER s TO $owner; GRANT pg_execute_server_program TO $owner",
      "REVOKE pg_execute_server_program FROM $owner",
    ],
    owner: "DROP TABLE t; CREATE FOREIGN TABLE t (id int) SERVER s OPTIONS (program 'touch $proof')",
    runs: "SELECT FROM t",
    named: /foreign table t/,
  },
];

/** What a script may call that nothing in it tells: `a.op` is the owner's. */
const calls: readonly (readonly [what: string, owner: string, script: string])[] = [
  ["a function of another schema", "", "SELECT a.op('x')"],
  ["a name that is written with escapes", "", "SELECT a.U&\"o\\0070\"('x')"],
  ["a name with letters that only some fold", 'ALTER FUNCTION a.op RENAME TO "Öp"', "SELECT a.ÖP('x')"],
  [
    "a view of another schema",
    "CREATE VIEW a.v AS SELECT a.op('x') AS o",
    "UPDATE t SET id = 1 WHERE (SELECT o FROM a.v)",
  ],
  [
    "an operator of another schema",
    "CREATE OPERATOR a.@@@ (RIGHTARG = text, FUNCTION = a.op)",
    "SELECT OPERATOR(a.@@@) 'x'::text",
  ],
  [
    "a cast",
    "CREATE DOMAIN a.e AS text CHECK (a.op(VALUE))",
    "SELECT 'gone'::a.e::text",
  ],
  ["a block", "", "DO $$ BEGIN EXECUTE 'SELECT a.' || 'op(''x'')'; END $$"],
];

for (const version of [15, 18] as const) {
  for (const [what, statement, named] of hung) {
    test(`postgres ${version}: ${what} of the owner's stops a superuser who changes something, and not the owner`, () =>
      withAttacker(version, async ({ url, adminUrl, hostUrl, owner, attack }) => {
        await run(
          url,
          `CREATE TABLE t (id serial PRIMARY KEY, name varchar(9) DEFAULT 'x', at timestamptz DEFAULT now(), CHECK (id > 0));
          CREATE INDEX lowered ON t (lower(name)) WHERE length(name) > 2;
          CREATE FUNCTION evil(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
          CREATE FUNCTION evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN NEW; END $$`,
        );
        const change = (address: string) =>
          withTestDatabase(address, (database) => database.withLock(() => Promise.resolve("done")));
        const possible = await rejectsWith("untrusted_owner", change(adminUrl));
        assert.match(possible.message, /could run with them[^]*function public\.evil\(integer\)/);
        assert.equal(await change(hostUrl), "done", "functions that nothing runs are no obstacle");
        await run(url, statement);
        await rejectsWith("untrusted_owner", change(hostUrl));
        const refused = await rejectsWith("untrusted_owner", change(adminUrl));
        assert.match(refused.message, named);
        assert.match(refused.message, new RegExp(`of ${owner}`));
        assert.match(refused.hint ?? "", new RegExp(`Connect as ${owner}`));
        assert.equal(await change(url), "done");
      }));
  }

  for (
    const { what, only, owner: statements, admin: [before, after] = ["", ""], runs, byLook, named } of ways
  ) {
    if (only !== undefined && only !== version) continue;
    test(`postgres ${version}: ${what} runs nothing of the owner's for a superuser`, () =>
      withAttacker(version, async ({ url, adminUrl, owner, attack, proof, hasRun }) => {
        const filled = (text: string) => text.replaceAll("$owner", owner).replaceAll("$proof", proof);
        await run(adminUrl, filled(before));
        await run(
          url,
          filled(`CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SCHEMA a;
          CREATE FUNCTION public.act() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${attack}; END $$;
          CREATE FUNCTION public.evil(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
            $$ BEGIN PERFORM public.act(); RETURN true; END $$;
          CREATE DOMAIN a.d AS int CHECK (public.evil(VALUE)); ${statements}`),
        );
        await run(adminUrl, filled(after));
        await hasRun();
        const [look, change] = [ours`SELECT id FROM ${ownTable("t")}`, sql`SELECT 1`];
        const refused = await withTestDatabase(
          adminUrl,
          (database) =>
            rejectsWith("untrusted_owner", byLook === false ? database.write([change]) : database.read(look)),
        );
        assert.equal(await hasRun(), false);
        assert.match(refused.message, named);
        await withTestDatabase(url, (database) => database.write([change]));
        if (runs === undefined) return;
        await run(adminUrl, runs);
        assert.equal(await hasRun(), true, "the way leads there for who takes no care");
      }));
  }

  for (const [what, statements, script] of calls) {
    test(`postgres ${version}: ${what} that a script calls runs nothing of the owner's for a superuser`, () =>
      withAttacker(version, async ({ url: ownUrl, adminUrl, owner, attack, hasRun }) => {
        await run(
          ownUrl,
          `CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SCHEMA a;
          CREATE FUNCTION a.op(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
          ${statements}`,
        );
        await hasRun();
        await withTestDatabase(adminUrl, async (database) => {
          const change = await rejectsWith("untrusted_owner", database.write([sql.raw(script)]));
          assert.match(change.message, /could run with them[^]*function a\./);
          assert.match(change.hint ?? "", new RegExp(`^Connect as ${owner}`));
          if (script.startsWith("SELECT")) {
            await rejectsWith("untrusted_owner", database.read(sql.raw(script)));
          }
        });
        assert.equal(await hasRun(), false);
        const url = trustingOwner(parsePostgres(adminUrl));
        const trusting = await openDatabase(url, { client: testClient, access: "write" });
        await trusting.write([sql.raw(script)]).finally(() => trusting.close());
        assert.equal(await hasRun(), true, "the way leads there for who trusts the owner");
      }));
  }
}
