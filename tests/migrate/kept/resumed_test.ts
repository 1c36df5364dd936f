import assert from "node:assert/strict";
import { migrate } from "../../../src/migrate/migrate.ts";
import { dyingAt } from "../../support/dying_database.ts";
import { onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const breakpoint = ";--> statement-breakpoint\n";

onEngines(
  ["sqlite file", "libsql", "postgres 15"],
  "a step that was resumed says what was kept by the run that was killed, too, and nothing of an earlier time",
  async ({ engine, url, database }) => {
    const history = historyOf(engine.dialect, [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, name text)",
      [
        ["ALTER TABLE users ADD COLUMN bio text", "ALTER TABLE users ADD COLUMN motto text"].join(breakpoint),
        [
          "ALTER TABLE users DROP COLUMN bio",
          "-- harbor:backfill table=users key=id\nUPDATE users SET name = upper(name) WHERE name <> upper(name)",
          "ALTER TABLE users DROP COLUMN motto",
        ].join(breakpoint),
      ],
    ]);
    const go = (direction: "upgrade" | "downgrade", text: string, on = database) =>
      migrate(contextOf(on, history), { goal: { direction, text }, lockWaitMs: 0 });
    const keptOf = ({ steps }: Awaited<ReturnType<typeof go>>) =>
      steps.flatMap(({ kept }) => kept.map(({ columns, rows }) => `${columns} ${rows}`)).toSorted();
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO users VALUES (1, 'a', 'x', 'y'), (2, 'b', 'x', 'y')");
    assert.deepEqual(keptOf(await go("downgrade", "-1")), ["bio 2", "motto 2", "name 2"]);
    // What is newer than what is kept stays, and so does that.
    await engine.query(url, "UPDATE users SET name = 'newer' WHERE id = 1");
    await go("upgrade", "head");
    await assert.rejects(go("downgrade", "-1", dyingAt(database, "DROP COLUMN motto")), /killed/);
    assert.deepEqual(keptOf(await go("downgrade", "-1")), ["bio 2", "motto 2", "name 2"]);
  },
);
