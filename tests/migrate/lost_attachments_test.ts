import assert from "node:assert/strict";
import { test } from "node:test";
import { lostAttachments } from "../../src/migrate/preflight/rules/lost_attachments.ts";
import { parseScript } from "../../src/history/scripts/script.ts";
import type { Table } from "../../src/schema/snapshot.ts";
import { check, column, index, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

const filled = column("c", { notNull: true });
const t = (facts: Partial<Table> = {}, c = filled) => snapshot("postgresql", [tableOf("t", [c], facts)]);
const unique = index("ix", { unique: true });
const withUnique = t({ indexes: [unique] });
const concurrently = "-- harbor:concurrently\n";

// One row a rule: the schema before and after, the script between them, and what is lost of a replica identity and a
// comment that hang on the index `ix`, and of the comments of the constraints `k` and `t_pkey`; and of a tablespace of `s`, which
// nobody may use, and a publication of the table `t`, which is somebody else's.
const cases = [
  ["keeps all where nothing happens", withUnique, withUnique, ["ALTER TABLE t ADD d int"], ""],
  ["keeps what hangs on what no revision knows", t(), t(), ["ALTER TABLE t DROP COLUMN d"], ""],
  ["loses what hangs on an index that goes", withUnique, t(), ["DROP INDEX ix"], "identity comment"],
  ["loses it with the column", withUnique, t(), ['ALTER TABLE "t" DROP COLUMN "c"'], "identity comment"],
  ["misses nothing of a table that goes", withUnique, snapshot("postgresql", []), ["DROP TABLE t"], ""],
  ["follows a new name", withUnique, t({ indexes: [index("iy", { unique: true })] }), [
    'ALTER INDEX "ix" RENAME TO "iy"',
  ], ""],
  ["keeps what the successor takes over", withUnique, withUnique, [
    `${concurrently}CREATE UNIQUE INDEX "ix_new" ON t (c)`,
    'DROP INDEX "ix"',
    'ALTER INDEX "ix_new" RENAME TO "ix"',
  ], ""],
  ["loses what no successor may have", t({ indexes: [index("s")] }), t({ indexes: [index("s")] }), [
    "DROP INDEX s",
    "CREATE INDEX s ON t (c)",
  ], "space"],
  ["loses what no table may have again", withUnique, withUnique, [
    "DROP TABLE t",
    "CREATE TABLE t (id int PRIMARY KEY, c int NOT NULL CONSTRAINT ix UNIQUE)",
  ], "publication"],
  ["loses the identity to a successor that is not unique", withUnique, t({ indexes: [index("ix")] }), [
    'DROP INDEX "ix"',
    'CREATE INDEX "ix" ON t (c)',
  ], "identity"],
  ["keeps the identity that the script gives to another index", withUnique, t(), [
    "CREATE UNIQUE INDEX other ON t (d)",
    "ALTER TABLE ONLY public.t REPLICA IDENTITY USING INDEX other",
    "DROP INDEX ix",
  ], "comment"],
  ["keeps it for a whole row, after the index in the same transaction, too", withUnique, t(), [
    "DROP INDEX ix",
    "ALTER TABLE t REPLICA IDENTITY FULL",
  ], "comment"],
  ["loses the identity that the script gives to the index that goes", withUnique, t(), [
    "ALTER TABLE t REPLICA IDENTITY USING INDEX ix",
    "DROP INDEX ix",
  ], "identity comment"],
  ["loses the identity when another table is given one", withUnique, t(), [
    "ALTER TABLE u REPLICA IDENTITY FULL",
    "DROP INDEX ix",
  ], "identity comment"],
  ["loses the identity that is said in a later transaction", withUnique, t(), [
    "-- harbor:alone\nDROP INDEX CONCURRENTLY ix",
    "ALTER TABLE t REPLICA IDENTITY FULL",
  ], "identity comment"],
  ["loses the identity to a column that may be NULL", withUnique, t({ indexes: [unique] }, column("c")), [
    'DROP INDEX "ix"',
    'CREATE UNIQUE INDEX "ix" ON t (c)',
  ], "identity"],
  ["loses what is only made again in another transaction", withUnique, withUnique, [
    'DROP INDEX "ix"',
    `${concurrently}CREATE UNIQUE INDEX "ix" ON t (c)`,
  ], "identity comment"],
  [
    "keeps what is made before the old one goes by itself",
    withUnique,
    t({
      indexes: [index("iy", { unique: true })],
    }),
    [
      `${concurrently}CREATE UNIQUE INDEX iy ON t (c)`,
      "-- harbor:alone\nDROP INDEX CONCURRENTLY ix",
    ],
    "",
  ],
  [
    "keeps what a constraint of the same column takes over",
    withUnique,
    t({
      uniques: [{ name: "u", columns: ["c"] }],
    }),
    ["DROP INDEX ix", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (c)"],
    "",
  ],
  ["loses what hangs on a constraint that goes", t({ checks: [check("k", "c > 0")] }), t(), [
    'ALTER TABLE "t" DROP CONSTRAINT "k"',
  ], "check"],
  [
    "keeps it when that is made again",
    t({ checks: [check("k", "c > 0")] }),
    t({
      checks: [check("k", "c > 1")],
    }),
    ['ALTER TABLE "t" DROP CONSTRAINT "k", ADD CONSTRAINT "k" CHECK (c > 1)'],
    "",
  ],
  ["keeps what hangs on a key that is made again", t(), t(), [
    "ALTER TABLE t DROP CONSTRAINT t_pkey",
    "ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (id)",
  ], ""],
  ["loses what hangs on a key that is called otherwise", t(), t(), [
    "ALTER TABLE t DROP CONSTRAINT t_pkey",
    "ALTER TABLE t ADD CONSTRAINT own PRIMARY KEY (id)",
  ], "key"],
] as const;

for (const [rule, before, after, script, expected] of cases) {
  test(`lostAttachments() ${rule}`, () => {
    const { statements } = parseScript({
      file: "a.sql",
      dialect: "postgresql",
      text: script.join(";--> statement-breakpoint\n"),
    });
    const attached = [["ix", "identity"], ["ix", "comment"], ["k", "check"], ["t_pkey", "key"], [
      "s",
      "space",
    ], ["t", "publication"]] as const;
    const { lost } = lostAttachments(
      attached.map(([name, what]) => ({
        table: "t",
        name,
        what,
        heir: what === "identity"
          ? "identifying"
          : what === "space" || what === "publication"
          ? "none"
          : "any",
        consequence: null,
      })),
      { statements, before, after },
    );
    assert.equal(lost.map(({ what }) => what).join(" "), expected);
  });
}

test("lostAttachments() says no consequence of a table that is published no longer", () => {
  const found = {
    table: "t",
    name: "ix",
    what: "identity",
    heir: "identifying",
    consequence: "fails",
  } as const;
  const run = { kind: "transaction" } as const;
  const consequence = (publication: string) =>
    lostAttachments([found], {
      statements: [publication, "DROP INDEX ix"].map((sql) => ({ sql, run })),
      before: withUnique,
      after: t(),
    }).lost.map((each) => each.consequence);
  assert.deepEqual(consequence("ALTER PUBLICATION p DROP TABLE public.t"), [null]);
  assert.deepEqual(consequence("ALTER PUBLICATION p DROP TABLE u"), ["fails"]);
  assert.deepEqual(consequence("ALTER PUBLICATION p ADD TABLE t"), ["fails"]);
});
