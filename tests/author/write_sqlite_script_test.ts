import assert from "node:assert/strict";
import { test } from "node:test";
import { writeSqliteScript } from "../../src/author/rules/script/write_sqlite_script.ts";
import { type DecidedFill, stagesOf } from "../../src/author/rules/change/stages.ts";
import type { KitTable } from "../../src/schema/kit_snapshot.ts";
import { mapValues } from "../../src/base/records.ts";
import { parseRenames } from "../../src/author/rules/change/renames.ts";
import { kitCheck, kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

const id = "id integer key";
const t = (columns: readonly string[], more: Partial<KitTable> = {}) => kitTable("t", [id, ...columns], more);

interface Case {
  readonly rule: string;
  readonly from?: readonly KitTable[];
  readonly to?: readonly KitTable[];
  readonly renames?: readonly string[];
  readonly fills?: readonly DecidedFill[];
  /** What drizzle-kit says for the two stages. */
  readonly expand?: readonly string[];
  readonly contract?: readonly string[];
  readonly expected: readonly string[];
}

const copied = "-- SQLite cannot change this in place: t is copied, and nobody writes meanwhile.\n";
const filled = (column: string, value: string): DecidedFill => ({ table: "t", column, value, existed: true });

// One row a rule: the change, what drizzle-kit says, and what the script says.
const cases: readonly Case[] = [
  {
    rule: "puts renames first, then what is added, then the rest",
    from: [kitTable("old", [id, "a text"])],
    to: [t(["b text"])],
    renames: ["old=t"],
    expand: ["ALTER TABLE `t` ADD `b` text;"],
    contract: ["ALTER TABLE `t` DROP COLUMN `a`;"],
    expected: [
      "ALTER TABLE `old` RENAME TO `t`;",
      "ALTER TABLE `t` ADD `b` text;",
      "ALTER TABLE `t` DROP COLUMN `a`;",
    ],
  },
  {
    rule: "leaves out the pragmas, which do nothing in a transaction",
    contract: ["PRAGMA foreign_keys=OFF;", "DROP INDEX `ix`;", "PRAGMA foreign_keys=ON;"],
    expected: ["DROP INDEX `ix`;"],
  },
  {
    rule: "quotes in an index what is a column, and no expression",
    to: [t(["c text"], {
      indexes: { ix: { name: "ix", columns: ["c", "lower(c)"], isUnique: true, where: "c > ''" } },
    })],
    contract: ["CREATE UNIQUE INDEX `ix` ON `t` (`c`,`lower(c)`) WHERE c > '';"],
    expected: ["CREATE UNIQUE INDEX `ix` ON `t` (`c`,lower(c)) WHERE c > '';"],
  },
  {
    rule: "takes a check with its column",
    from: [t([])],
    to: [t(["c text"], { checkConstraints: kitCheck("t_c_check", `"c" IN ('a', 'b')`) })],
    expand: ["ALTER TABLE `t` ADD `c` text;"],
    expected: [`ALTER TABLE \`t\` ADD \`c\` text CONSTRAINT "t_c_check" CHECK("c" IN ('a', 'b'));`],
  },
  {
    rule: "takes a check with a column whose statement has no semicolon",
    from: [t([])],
    to: [t(["c text"], { checkConstraints: kitCheck("k", `"c" <> '$&'`) })],
    expand: ["ALTER TABLE `t` ADD `c` text\n"],
    expected: [`ALTER TABLE \`t\` ADD \`c\` text CONSTRAINT "k" CHECK("c" <> '$&');`],
  },
  {
    rule: "quotes what a new column refers to, and says what becomes of it",
    from: [t([]), kitTable("order", [id])],
    to: [
      t(["c integer"], {
        foreignKeys: mapValues(
          kitForeignKey("t", "c", "order"),
          (key) => ({ ...key, onDelete: "cascade", onUpdate: "no action" }),
        ),
      }),
      kitTable("order", [id]),
    ],
    expand: ["ALTER TABLE `t` ADD `c` integer REFERENCES order(id);"],
    expected: ["ALTER TABLE `t` ADD `c` integer REFERENCES `order`(`id`) ON DELETE cascade;"],
  },
  {
    rule: "ends each statement once",
    expand: ["CREATE INDEX `ix` ON `t` (`a`)", "CREATE INDEX `iy` ON `t` (`a`);\n"],
    expected: ["CREATE INDEX `ix` ON `t` (`a`);", "CREATE INDEX `iy` ON `t` (`a`);"],
  },
  {
    rule: "gives rows a value while they are copied",
    from: [t(["c text", "d text"])],
    contract: ['INSERT INTO `__new_t`("id", "c", "d") SELECT "id", "c", "d" FROM `t`;'],
    fills: [filled("c", "upper('x')"), { ...filled("d", "'no'"), table: "u" }],
    expected: [
      `INSERT INTO \`__new_t\`("id", "c", "d") SELECT "id", coalesce("c", upper('x')), "d" FROM \`t\`;`,
    ],
  },
  {
    rule: "turns dates into moments and back where a value is one, and fills what is NULL",
    from: [t(["date date", "c datetime", "d date"])],
    to: [t(["date datetime", "c date not null", "d date"])],
    contract: [
      'INSERT INTO `__new_t`("id", "date", "c", "d") SELECT "id", "date", "c", "d" FROM `t`;',
    ],
    fills: [filled("c", "'2024-01-02'")],
    expected: [
      'INSERT INTO `__new_t`("id", "date", "c", "d") SELECT "id", ' +
      `CASE WHEN date("date", '+0 days') = "date" THEN datetime("date") ELSE "date" END, ` +
      `CASE WHEN date("c", '+0 days') = substr("c", 1, 10) THEN date("c") ELSE coalesce("c", '2024-01-02') END, ` +
      '"d" FROM `t`;',
    ],
  },
  {
    rule: "says that a table is copied",
    contract: ["CREATE TABLE `__new_t` (\n\t`id` integer\n);\n"],
    expected: [`${copied}CREATE TABLE \`__new_t\` (\n\t\`id\` integer\n);`],
  },
  {
    rule: "drops the indexes that the copy is not to have, and keeps those that it is",
    from: [t(["c text"], {
      indexes: { gone: { name: "gone", columns: ["c"] }, kept: { name: "kept", columns: ["c"] } },
    })],
    to: [t(["c text not null"], { indexes: { kept: { name: "kept", columns: ["c"] } } })],
    contract: ["CREATE TABLE `__new_t` (`id` integer);"],
    expected: ["DROP INDEX `gone`;", `${copied}CREATE TABLE \`__new_t\` (\`id\` integer);`],
  },
  {
    rule: "drops tables last, those that refer first",
    from: [
      kitTable("owners", [id]),
      kitTable("things", [id, "o integer"], { foreignKeys: kitForeignKey("things", "o", "owners") }),
      kitTable("notes", [id, "t integer"], { foreignKeys: kitForeignKey("notes", "t", "things") }),
    ],
    to: [t([])],
    contract: ["DROP TABLE `owners`;", "DROP TABLE `notes`;", "DROP TABLE `things`;", "DROP INDEX `ix`;"],
    expected: ["DROP INDEX `ix`;", "DROP TABLE `notes`;", "DROP TABLE `things`;", "DROP TABLE `owners`;"],
  },
  {
    rule: "drops the original of a copy where it stands",
    from: [t([])],
    to: [t([])],
    contract: ["DROP TABLE `t`;", "ALTER TABLE `__new_t` RENAME TO `t`;"],
    expected: ["DROP TABLE `t`;", "ALTER TABLE `__new_t` RENAME TO `t`;"],
  },
  {
    rule: "ends with tables that refer to each other",
    from: [
      kitTable("a", [id, "b integer"], { foreignKeys: kitForeignKey("a", "b", "b") }),
      kitTable("b", [id, "a integer"], { foreignKeys: kitForeignKey("b", "a", "a") }),
    ],
    contract: ["DROP TABLE `a`;", "DROP TABLE `b`;"],
    expected: ["DROP TABLE `a`;", "DROP TABLE `b`;"],
  },
];
for (
  const { rule, from = [t([])], to = [], renames = [], fills = [], expand = [], contract = [], expected }
    of cases
) {
  test(`writeSqliteScript() ${rule}`, () => {
    const change = {
      from: kitSnapshot("sqlite", ...from),
      to: kitSnapshot("sqlite", ...to),
      renames: parseRenames(renames),
      fills,
    };
    const script = writeSqliteScript(change, stagesOf(change), { expand, contract });
    assert.deepEqual(
      script.map(({ sql, above }) => [...above.map((line) => `-- ${line}`), sql].join("\n")),
      expected,
    );
  });
}
