import assert from "node:assert/strict";
import { test } from "node:test";
import { migrate } from "../../../src/migrate/migrate.ts";
import { engines, withTestDatabase } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { ddlOf, schemaHistory } from "../../support/samples/schema_history.ts";

// Values of a type that is not the server's own are compared by its own operators, which stand where its extension does.

const people = { columns: { id: "citext!" } };
const posts = { columns: { id: "integer!", author: "citext" } };
const history = schemaHistory("postgresql", [
  { tables: { people, posts }, up: [...ddlOf("people", people), ...ddlOf("posts", posts)], down: [] },
  {
    tables: {
      people,
      posts: { ...posts, references: { author: "people" }, unique: { by_author: "author" } },
    },
    up: [
      'ALTER TABLE "posts" ADD CONSTRAINT "posts_author_fkey" FOREIGN KEY ("author") REFERENCES "people"("id")',
      'CREATE UNIQUE INDEX "by_author" ON "posts" ("author")',
    ],
    down: [],
  },
]);

test("postgres 15: rows are looked at before an upgrade as their types compare them", () => {
  const engine = engines.find(({ name }) => name === "postgres 15")!;
  return engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const go = (text: string) =>
        migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
      await engine.query(url, "CREATE EXTENSION citext");
      await go("+1");
      await engine.query(url, "INSERT INTO people VALUES ('Ann'), ('Ben')");
      await engine.query(url, "INSERT INTO posts VALUES (1, 'ann'), (2, 'ANN'), (3, 'ben'), (4, 'cy')");
      const { message } = await rejectsWith("data_conflict", go("+1"));
      assert.match(message, /2 rows of posts have the same author as another \(id [12], [12]\)/);
      assert.match(message, /1 row of posts refers by author to people that are not there \(id 4\)$/);
      await engine.query(url, "DELETE FROM posts WHERE id IN (2, 4)");
      await go("+1");
    })
  );
});
