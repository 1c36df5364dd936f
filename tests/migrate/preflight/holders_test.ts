import assert from "node:assert/strict";
import { migrate } from "../../../src/migrate/migrate.ts";
import { readApplied } from "../../../src/engines/version_table.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { ddlOf, schemaHistory } from "../../support/samples/schema_history.ts";
import { historyOf, idOf } from "../../support/samples/script_history.ts";

const one = ["sqlite file", "libsql", "postgres 15"] as const;
const initial = "71dda59686db";

function go({ database }: Given, direction: "upgrade" | "downgrade", text: string) {
  return migrate(contextOf(database), { goal: { direction, text }, lockWaitMs: 0 });
}

/** Holds a downgrade to being refused by what hangs on a column, before anything of it is done. */
async function refused(given: Given, name: RegExp): Promise<void> {
  const before = await readApplied(given.database);
  const { message, hintLines, details } = await rejectsWith(
    "schema_mismatch",
    go(given, "downgrade", initial),
  );
  assert.match(message, name);
  assert.equal(details["revision"], "5b09ebe23c76");
  assert.match(hintLines.join(), /^Drop the \w+ \w+ and make it again afterwards; its definition: /);
  assert.deepEqual(await readApplied(given.database), before);
}

onEngines(
  one,
  "a view that reads a column which goes is named before anything is done, and what reads others is left alone",
  async (given) => {
    const { engine, url } = given;
    const run = (statement: string) => engine.query(url, statement);
    await go(given, "upgrade", "head");
    await run("CREATE VIEW sizes AS SELECT id, size FROM files");
    await run("CREATE VIEW remote AS SELECT id FROM files WHERE storage_backend = 'r2'");
    await refused(given, /the view remote uses /);
    await run("DROP VIEW remote");
    await go(given, "downgrade", initial);
    assert.deepEqual(await run("SELECT * FROM sizes"), []);
    await go(given, "upgrade", "head");
    await run("CREATE VIEW remote AS SELECT id FROM files WHERE storage_backend = 'r2'");
    assert.deepEqual(await run("SELECT * FROM remote"), []);
  },
);

onEngines(["sqlite file", "libsql"], "so is a trigger or an index, each by its name", async (given) => {
  const { engine, url } = given;
  await go(given, "upgrade", "head");
  for (
    const [kind, name, text] of [
      ["index", "ix_meta", "CREATE INDEX ix_meta ON files (metadata_json)"],
      [
        "trigger",
        "from_users",
        "CREATE TRIGGER from_users AFTER DELETE ON users BEGIN DELETE FROM files WHERE metadata_json = old.uuid; END",
      ],
      [
        "trigger",
        "to_files",
        "CREATE TRIGGER to_files AFTER DELETE ON users BEGIN UPDATE files SET metadata_json = NULL WHERE id = old.id; END",
      ],
    ] as const
  ) {
    await engine.query(url, text);
    await engine.query(url, "CREATE INDEX ix_size ON files (size)");
    await refused(given, new RegExp(`the ${kind} ${name} uses what is not there then`));
    await engine.query(url, `DROP ${kind} ${name}`);
    await engine.query(url, "DROP INDEX ix_size");
  }
});

onEngines(["postgres 15"], "so are a trigger and a policy of PostgreSQL's", async (given) => {
  const { engine, url } = given;
  await go(given, "upgrade", "head");
  for (
    const [kind, name, text] of [
      [
        "trigger",
        "on_meta",
        "CREATE TRIGGER on_meta BEFORE UPDATE OF metadata_json ON files FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
      ],
      ["policy", "own_meta", "CREATE POLICY own_meta ON files USING (metadata_json IS NULL)"],
    ] as const
  ) {
    await engine.query(url, text);
    await refused(given, new RegExp(`the ${kind} ${name} uses files.metadata_json, which goes`));
    await engine.query(url, `DROP ${kind} ${name} ON files`);
  }
});

// What is there at the first revision of `users (id integer)`, and what the next ones do with it.
const fits: readonly (readonly [what: string, there: readonly string[], scripts: readonly string[]])[] = [
  [
    "a trigger that looks at the rows",
    [
      "INSERT INTO users VALUES (1)",
      "CREATE TABLE log (id integer)",
      "CREATE TRIGGER needs BEFORE INSERT ON log WHEN NOT EXISTS (SELECT 1 FROM users) BEGIN SELECT RAISE(ABORT, 'no users'); END",
    ],
    ["INSERT INTO log VALUES (1)"],
  ],
  [
    "a trigger that writes what a constraint refuses where there are no rows",
    [
      "INSERT INTO users VALUES (1)",
      "CREATE TABLE log (id integer)",
      "CREATE TABLE seen (id integer NOT NULL)",
      "CREATE TRIGGER counts BEFORE INSERT ON log BEGIN INSERT INTO seen VALUES ((SELECT max(id) FROM users)); END",
    ],
    ["INSERT INTO log VALUES (1)"],
  ],
  [
    "a trigger that writes to a virtual table",
    [
      "CREATE VIRTUAL TABLE found USING fts5(name)",
      "CREATE TRIGGER finds AFTER INSERT ON users BEGIN INSERT INTO found (name) VALUES (new.id); END",
    ],
    ["ALTER TABLE users RENAME COLUMN id TO number", "INSERT INTO users VALUES (1)"],
  ],
  [
    "a view that does not work for a while",
    ["CREATE VIEW everybody AS SELECT id FROM users"],
    ["DROP TABLE users", "CREATE TABLE users (id integer, name text)"],
  ],
];
for (const [what, there, scripts] of fits) {
  onEngines(["sqlite file", "libsql"], `${what} keeps no upgrade from running`, async (given) => {
    const history = historyOf("sqlite", ["CREATE TABLE users (id integer)", ...scripts]);
    const goTo = (text: string) =>
      migrate(contextOf(given.database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    await goTo(idOf(0));
    for (const text of there) await given.engine.query(given.url, text);
    assert.equal((await goTo("head")).steps.length, scripts.length);
  });
}

onEngines(["sqlite file"], "a view that works no more behind the last script is named", async (given) => {
  const history = historyOf("sqlite", [
    "CREATE TABLE users (id integer)",
    "DROP TABLE users",
    "CREATE TABLE users (name text)",
  ]);
  const goTo = (text: string) =>
    migrate(contextOf(given.database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
  await goTo(idOf(0));
  await given.engine.query(given.url, "CREATE VIEW everybody AS SELECT users.id FROM users");
  const { message } = await rejectsWith("schema_mismatch", goTo("head"));
  assert.match(message, new RegExp(`past ${idOf(1)}, the view everybody uses what is not there then`));
});

onEngines(
  ["sqlite file"],
  "of views that read each other the one that uses the column is named",
  async (given) => {
    const history = historyOf("sqlite", [
      "CREATE TABLE users (id integer, name text)",
      "ALTER TABLE users DROP COLUMN name",
    ]);
    const goTo = (text: string) =>
      migrate(contextOf(given.database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    const run = (text: string) => given.engine.query(given.url, text);
    await goTo(idOf(0));
    await run("CREATE VIEW everything AS SELECT * FROM users");
    await run("CREATE VIEW names AS SELECT everything.name FROM everything");
    await run("CREATE VIEW ids AS SELECT id FROM everything");
    await run("CREATE VIEW more AS SELECT * FROM names");
    await run("CREATE VIEW broken AS SELECT * FROM missing");
    const { message } = await rejectsWith("schema_mismatch", goTo("head"));
    assert.match(message, /, the view names uses what is not there then/);
    for (const name of ["more", "names", "broken"]) await run(`DROP VIEW ${name}`);
    assert.equal((await goTo("head")).steps.length, 1);
  },
);

/** Goes to a revision of three: notes with a title, what a script does, and notes without. */
function goingBy(script: string, { database }: Given) {
  const [titled, bare] = [{ id: "integer!", title: "text" }, { id: "integer!" }].map((columns) => ({
    notes: { columns },
  }));
  const history = schemaHistory("postgresql", [
    { tables: titled!, up: ddlOf("notes", titled!.notes), down: ["DROP TABLE notes"] },
    { tables: titled!, up: [script], down: ["SELECT 1"] },
    {
      tables: bare!,
      up: ["ALTER TABLE notes DROP COLUMN title"],
      down: ["ALTER TABLE notes ADD COLUMN title text"],
    },
  ]);
  return (text: string) =>
    migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
}

for (
  const script of [
    "DO $$ BEGIN IF EXISTS (SELECT FROM pg_views WHERE viewname = 'titles') THEN DROP VIEW titles; END IF; END $$",
    "DO $$ BEGIN EXECUTE format('DROP VIEW %I', 'titles'); END $$",
    "DO $$ BEGIN ALTER VIEW titles RENAME TO old_titles; DROP VIEW old_titles; END $$",
    "DROP VIEW Titles",
  ]
) {
  onEngines(["postgres 15"], `a view keeps no column that is gone by then: ${script}`, async (given) => {
    const goTo = goingBy(script, given);
    await goTo(idOf(0));
    await given.engine.query(given.url, "CREATE VIEW titles AS SELECT title FROM notes");
    assert.equal((await goTo("head")).steps.length, 2);
  });
}

onEngines(
  ["postgres 15"],
  "what an earlier step makes and holds a column is named before the step in which that goes",
  async (given) => {
    const goTo = goingBy("CREATE VIEW titles AS SELECT title FROM notes", given);
    await goTo(idOf(0));
    const { message } = await rejectsWith("schema_mismatch", goTo("head"));
    assert.match(
      message,
      new RegExp(`^Cannot upgrade "${idOf(2)}": .*the view titles uses notes.title, which goes`),
    );
    assert.equal((await readApplied(given.database))?.length, 2);
    await given.engine.query(given.url, "DROP VIEW titles");
    assert.equal((await goTo("head")).steps.length, 1);
  },
);
