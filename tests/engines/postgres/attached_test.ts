import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { engines, withTestDatabase } from "../../support/databases.ts";
import { postgresInspector } from "../../../src/engines/postgres/inspector.ts";
import { sharedPostgres, withClient } from "../../support/servers/postgres_server.ts";
import { sql } from "../../support/user_sql.ts";

const tables = [
  // To compile the look below takes seconds.
  "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$",
  "CREATE TABLE parents (id serial PRIMARY KEY)",
  "CREATE TABLE t (id serial PRIMARY KEY, code text NOT NULL UNIQUE, a int, b int, d text, CONSTRAINT c CHECK (a > 0))",
  "CREATE UNIQUE INDEX ix ON t (code, id)",
  "CREATE INDEX lower_d ON t (lower(d))",
  "CREATE INDEX ix_ab ON t (a, b)",
  "CREATE STATISTICS s ON a, b FROM t",
];
/** One thing of each kind that hangs on a table, and nothing says in a revision. */
const attached = [
  "ALTER TABLE t REPLICA IDENTITY USING INDEX ix, CLUSTER ON ix_ab",
  "COMMENT ON INDEX ix IS 'it''s'",
  "COMMENT ON CONSTRAINT c ON t IS 'positive'",
  "COMMENT ON TABLE t IS 'of t'",
  "COMMENT ON COLUMN t.a IS 'of a'",
  "ALTER INDEX ix SET (fillfactor = 60, deduplicate_items = off)",
  "ALTER INDEX lower_d ALTER COLUMN 1 SET STATISTICS 333",
  "ALTER TABLE t SET (fillfactor = 70, toast.autovacuum_enabled = false)",
  "ALTER TABLE t ALTER COLUMN a SET STATISTICS 44, ALTER COLUMN a SET (n_distinct = -0.5)",
  "ALTER STATISTICS s SET STATISTICS 55",
  "COMMENT ON STATISTICS s IS 'of s'",
  "GRANT SELECT, UPDATE (a) ON t TO PUBLIC",
  "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
  "CREATE POLICY p ON t USING (a > 0)",
  "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
  "ALTER TABLE t DISABLE TRIGGER g",
  "CREATE PUBLICATION pub FOR TABLE t (id, code, a) WHERE (id > 0)",
];

/** What hangs on the table and its parts, by name, and in which order it is made of no matter. */
const look = `SELECT json_build_object(
  'relations', (SELECT json_agg(json_build_object('name', c.relname, 'note', obj_description(c.oid, 'pg_class'),
      'options', ARRAY(SELECT o FROM unnest(c.reloptions) o WHERE o NOT LIKE 'pg\\_%' ORDER BY 1), 'toast', (SELECT reloptions FROM pg_class o WHERE o.oid = c.reltoastrelid),
      'space', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), 'rights', c.relacl::text,
      'policies', c.relrowsecurity, 'identity', x.indisreplident, 'clustered', x.indisclustered, 'columns', (
        SELECT json_agg(json_build_object('name', attname, 'target', nullif(attstattarget, -1),
          'options', ARRAY(SELECT o FROM unnest(attoptions) o WHERE o NOT LIKE 'pg\\_%' ORDER BY 1),
          'rights', attacl::text, 'note', col_description(c.oid, attnum)) ORDER BY attname)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)) ORDER BY c.relname)
    FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid WHERE 't'::regclass IN (c.oid, x.indrelid)),
  'constraints', (SELECT json_agg(concat(conname, obj_description(oid, 'pg_constraint')) ORDER BY conname)
    FROM pg_constraint WHERE conrelid = 't'::regclass),
  'statistics', (SELECT json_agg(concat(pg_get_statisticsobjdef(oid), stxstattarget, obj_description(oid, 'pg_statistic_ext'))) FROM pg_statistic_ext),
  'policies', (SELECT json_agg(concat(polname, pg_get_expr(polqual, polrelid))) FROM pg_policy),
  'triggers', (SELECT json_agg(concat(tgname, tgenabled)) FROM pg_trigger WHERE tgrelid = 't'::regclass),
  'published', (SELECT json_agg(to_jsonb(p)) FROM pg_publication_tables p))::text AS seen`;

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  const on = (rule: string) => `${engine.name}: ${rule}`;

  /** Makes the tables with all that hangs on them, and returns what hangs there after `work`, which has its own say. */
  const seen = (batch: readonly string[], mode: "schema" | "alone" = "schema") =>
    engine.withDatabase(async (url) => {
      await engine.query(url, [...tables, ...attached].join(";"));
      const read = async () => JSON.parse(String((await engine.query(url, look))[0]!["seen"]));
      const before = await read();
      await withTestDatabase(url, async (database) => {
        const statements = batch.map((text) => sql.raw(text));
        if (mode === "schema") {
          await database.rehearse(statements, "schema");
          assert.deepEqual(await read(), before);
        }
        await database.write(statements, mode);
      });
      return { before, after: await read() };
    });

  // One row a rule: what takes the place of what.
  const replacements = [
    ["indexes and constraints", [
      "DROP INDEX ix, lower_d, ix_ab",
      "CREATE UNIQUE INDEX ix_new ON t (code, id)",
      "ALTER INDEX ix_new RENAME TO ix",
      "CREATE INDEX lower_d ON t (lower(d))",
      "CREATE INDEX ix_ab ON t (a, b)",
      "ALTER TABLE t DROP CONSTRAINT c",
      "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
    ]],
    ["a table", ["DROP TABLE t", ...tables.slice(2, 6)]],
    ["a column's type", ["ALTER TABLE t ALTER d TYPE varchar(50), ALTER b TYPE bigint"]],
    ["what code makes that a script only calls", [
      "DO $$ BEGIN DROP INDEX ix; CREATE UNIQUE INDEX ix ON t (code, id); END $$",
    ]],
  ] as const;
  for (const [what, batch] of replacements) {
    test(on(`what hangs there survives the replacement of ${what}`), async () => {
      const { before, after } = await seen(batch);
      const plain = (text: unknown) => JSON.parse(JSON.stringify(text).replaceAll("varchar", "text"));
      assert.deepEqual(plain(after), plain(before));
    });
  }

  test(
    on("each thing that hangs there survives, also where nothing else does"),
    () =>
      engine.withDatabase(async (url) => {
        const [settings, ...made] = tables;
        await engine.query(url, settings!);
        const replacement = ["DROP TABLE t", ...tables.slice(2)].map((text) => sql.raw(text));
        for (const thing of attached.filter((text) => !/TRIGGER g$/.test(text))) {
          await engine.query(url, [...made, thing].join(";"));
          const read = async () => JSON.parse(String((await engine.query(url, look))[0]!["seen"]));
          const before = await read();
          await withTestDatabase(url, (database) => database.write(replacement, "schema"));
          assert.deepEqual(await read(), before, thing);
          await engine.query(url, "DROP TABLE t, parents; DROP PUBLICATION IF EXISTS pub");
        }
      }),
  );

  test(
    on("an index that goes without a transaction leaves what hung on it to the one built for it"),
    async () => {
      const renamed = (seen: unknown, name: string) =>
        JSON.parse(JSON.stringify(seen).replaceAll(`"${name}"`, '"ix"'));
      const { before, after } = await seen([
        "CREATE UNIQUE INDEX CONCURRENTLY ix_2 ON t (code, id)",
        "DROP INDEX CONCURRENTLY ix",
      ], "alone");
      assert.deepEqual(renamed(after, "ix_2"), before);
    },
  );

  test(
    on("what is hung on it after the one was built for it goes there, too"),
    () =>
      engine.withDatabase(async (url) => {
        await engine.query(
          url,
          "CREATE TABLE t (a int); CREATE INDEX ix ON t (a); CREATE INDEX other ON t (a)",
        );
        await withTestDatabase(url, async (database) => {
          await database.write([sql`CREATE INDEX CONCURRENTLY ix_new ON t (a)`], "alone");
          await engine.query(url, "COMMENT ON INDEX ix IS 'late'");
          await database.write([sql`DROP INDEX CONCURRENTLY ix`], "alone");
        });
        const notes = await engine.query(
          url,
          "SELECT concat_ws(' ', relname, obj_description(oid)) AS note FROM pg_class WHERE relkind = 'i' AND " +
            "relnamespace = 'public'::regnamespace ORDER BY 1",
        );
        assert.deepEqual(notes.map(({ note }) => note), ["ix_new late", "other"]);
      }),
  );

  test(
    on("what a script says itself of what it replaces stays, and so does what only it took away"),
    async () => {
      const { after } = await seen([
        "DROP INDEX ix, ix_ab",
        "CREATE UNIQUE INDEX ix ON t (code, id) WITH (fillfactor = 50)",
        "CREATE INDEX ix_ab ON t (a, b)",
        "COMMENT ON INDEX ix IS 'new'",
        "ALTER TABLE t REPLICA IDENTITY FULL, CLUSTER ON t_pkey",
        "COMMENT ON TABLE t IS NULL",
        "DROP STATISTICS s",
        "DROP TRIGGER g ON t",
        "ALTER INDEX lower_d ALTER COLUMN 1 SET STATISTICS -1",
      ]);
      const index = (name: string) => after.relations.find((each: { name: string }) => each.name === name);
      assert.deepEqual([index("ix").note, index("ix").options, index("ix").identity], [
        "new",
        ["deduplicate_items=off", "fillfactor=50"],
        false,
      ]);
      assert.deepEqual([index("ix_ab").clustered, index("t_pkey").clustered, index("t").note], [
        false,
        true,
        null,
      ]);
      assert.deepEqual([after.statistics, after.triggers, index("lower_d").columns[0].target], [
        null,
        null,
        null,
      ]);
    },
  );

  test(on("an index that cannot tell rows apart any more takes over all the rest"), async () => {
    const { after } = await seen(["DROP INDEX ix", "CREATE INDEX ix ON t (code, id)"]);
    const index = after.relations.find((each: { name: string }) => each.name === "ix");
    assert.deepEqual([index.note, index.identity], ["it's", false]);
  });

  test(
    on("an index is built where and as the one stood whose place it is to take, at once or beside writers"),
    async () => {
      const admin = await sharedPostgres(engine.name === "postgres 15" ? 15 : 18);
      const space = `space_${randomUUID().slice(0, 8)}`;
      await withClient(admin, async (client) => {
        await client.unsafe("SET allow_in_place_tablespaces = on");
        await client.unsafe(`CREATE TABLESPACE ${space} LOCATION ''`);
        await client.unsafe(`GRANT CREATE ON TABLESPACE ${space} TO PUBLIC`);
        try {
          await engine.withDatabase(async (url) => {
            await engine.query(
              url,
              `CREATE TABLE t (a int, b int); ${
                ["a", "b"].map((name) =>
                  `CREATE INDEX ix_${name} ON t (${name}) WITH (fillfactor = 60) TABLESPACE ${space}`
                ).join(";")
              }; CREATE INDEX partial ON t (a) WITH (fillfactor = 33) WHERE b > 0`,
            );
            const stand = async () =>
              (await engine.query(
                url,
                "SELECT concat_ws(' ', c.relname, c.reloptions, s.spcname, c.oid) AS stand FROM pg_class c " +
                  "LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.relname LIKE 'ix%' ORDER BY 1",
              )).map(({ stand }) => String(stand));
            const names = (found: readonly string[]) => found.map((each) => each.replace(/ \d+$/, ""));
            const before = await stand();
            await withTestDatabase(url, async (database) => {
              await database.write([
                sql`CREATE UNIQUE INDEX CONCURRENTLY ix_new ON "t" ("a") WHERE (a > 0 OR true)`,
              ], "alone");
              assert.deepEqual(names(await stand()).at(-1), "ix_new {fillfactor=33}");
              await database.write([sql`DROP INDEX ix_new`], "schema");
              await database.write([
                sql.raw(`CREATE INDEX CONCURRENTLY ix_new ON t (a) TABLESPACE ${space} WHERE a > 0`),
              ], "alone");
              assert.deepEqual(names(await stand()).at(-1), `ix_new {fillfactor=33} ${space}`);
              await database.write([sql`DROP INDEX ix_new`], "schema");
              await database.write([sql`CREATE INDEX CONCURRENTLY ix_new ON t (a)`], "alone");
              const [, , built] = await stand();
              assert.equal(names([built!])[0], `ix_new {fillfactor=60} ${space}`);
              await database.write([
                sql`DROP INDEX ix_a, ix_b`,
                sql`ALTER INDEX ix_new RENAME TO ix_a`,
                sql`CREATE INDEX ix_b ON t (b)`,
              ], "schema");
            });
            assert.deepEqual(names(await stand()), names(before));
            assert.notDeepEqual(await stand(), before);

            // An index that was there before is not moved, which would lock it for long.
            await engine.query(
              url,
              `CREATE INDEX kept ON t (b) WITH (fillfactor = 44); COMMENT ON INDEX ix_b IS 'of b'; ALTER TABLE t CLUSTER ON ix_b`,
            );
            await withTestDatabase(url, async (database) => {
              await database.write([sql`DROP INDEX CONCURRENTLY ix_b`], "alone");
            });
            const [kept] = await engine.query(
              url,
              "SELECT reloptions::text AS options, reltablespace::int AS space, indisclustered AS ordered, " +
                "obj_description(oid) AS note FROM pg_class JOIN pg_index ON indexrelid = oid WHERE relname = 'kept'",
            );
            assert.deepEqual({ ...kept }, {
              options: "{fillfactor=44}",
              space: 0,
              ordered: true,
              note: null,
            });
            await engine.query(
              url,
              `DROP INDEX kept; CREATE INDEX ix_b ON t (b) WITH (fillfactor = 60) TABLESPACE ${space}`,
            );

            await client.unsafe(`REVOKE ALL ON TABLESPACE ${space} FROM PUBLIC`);
            await withTestDatabase(url, async (database) => {
              const attachments = await postgresInspector.attachments(database);
              assert.match(
                JSON.stringify(attachments),
                new RegExp(`tablespace ${space}, which this role may not use, of index`),
              );
              await database.write([sql`CREATE INDEX CONCURRENTLY ix_new ON t (a)`], "alone");
              await database.write([
                sql`DROP INDEX ix_a, ix_b`,
                sql`ALTER INDEX ix_new RENAME TO ix_a`,
                sql`CREATE INDEX ix_b ON t USING brin (b)`,
              ], "schema");
            });
            assert.deepEqual(names(await stand()), ["ix_a {fillfactor=60}", "ix_b"]);

            const here = new URL(admin);
            here.pathname = new URL(url).pathname;
            await withClient(here.href, (other) => other.unsafe("CREATE PUBLICATION theirs FOR TABLE t"));
            await engine.query(url, "COMMENT ON TABLE t IS 'ours'");
            await withTestDatabase(url, async (database) => {
              const lost = (await postgresInspector.attachments(database)).filter(({ heir }) =>
                heir === "none"
              );
              assert.deepEqual(lost.map(({ name, what }) => [name, what]), [
                ["t", "the publication theirs, which this role may not use, of table t"],
              ]);
              await database.write([sql`DROP TABLE t`, sql`CREATE TABLE t (a int)`], "schema");
            });
            assert.deepEqual(await engine.query(url, "SELECT obj_description('t'::regclass) AS note"), [
              { note: "ours" },
            ]);
          });
        } finally {
          await client.unsafe(`DROP TABLESPACE ${space}`);
        }
      });
    },
  );
}
