import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { describeLabel } from "../../src/adopt/rules/labels.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readStatus, type Status } from "../../src/state/read_status.ts";
import { stamp } from "../../src/state/stamp.ts";
import { adoptDatabase, upgradeDatabase, withContext } from "../support/samples/adoption.ts";
import { driverEngines, type Engine } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { verifyUrl } from "../support/verified.ts";

// docs/adopting.md has a table of what each command says of each kind of database. Here it is made again and compared.

interface Kind {
  readonly name: string;
  make(engine: Engine, url: string): Promise<void>;
}

const newest = origins.find(({ name }) => name === "create_all of the newest commit")!;

const alembicTable =
  "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))";

const kinds: readonly Kind[] = [
  { name: "nothing", make: () => Promise.resolve() },
  ...origins.map((origin): Kind => ({
    name: origin.name,
    make: (engine, url) => makeOrigin(engine, url, origin),
  })),
  {
    name: "alembic upgrade f27bd10b7ec4, labelled 71dda59686db",
    async make(engine, url) {
      await makeOrigin(engine, url, origins.find(({ revision }) => revision === "f27bd10b7ec4")!);
      await engine.query(url, "UPDATE alembic_version SET version_num = '71dda59686db'");
    },
  },
  {
    name: "stamp base, then create_all of the newest commit",
    async make(engine, url) {
      await withContext(url, (context) => stamp(context, "base", 0));
      await makeOrigin(engine, url, newest);
    },
  },
  { name: "harbor-db upgrade", make: (_, url) => upgradeDatabase(url) },
  {
    name: "harbor-db upgrade, then alembic current",
    async make(engine, url) {
      await upgradeDatabase(url);
      await engine.query(url, alembicTable);
    },
  },
  {
    name: "harbor-db upgrade 5b09ebe23c76, then alembic upgrade f27bd10b7ec4",
    async make(engine, url) {
      await withContext(
        url,
        (context) =>
          migrate(context, { goal: { direction: "upgrade", text: "5b09ebe23c76" }, lockWaitMs: 0 }),
      );
      await engine.query(url, alembicTable);
      await engine.query(url, "INSERT INTO alembic_version VALUES ('f27bd10b7ec4')");
      await engine.query(url, "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)");
      await engine.query(url, "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)");
    },
  },
];

/** Cuts what is of this one database: its address, and how much differs on which engine. */
function plain(message: string): string {
  return message.replace(/^Cannot .*?": /, "").replace(/: [0-9a-f]{12} .*$/, "").replace(
    / \(.*\), (?=\d)/,
    ", ",
  ).replace(/(not that revision's): .*$/, "$1")
    .replace(/, with \d+ differences$/, "");
}

function wordsOfStatus({ state, current }: Status): string {
  if (state.refusal !== null) return `${state.kind}: ${plain(state.refusal.message)}`;
  return state.kind === "empty" ? "empty" : `${state.kind}, at ${current?.revision ?? "base"}`;
}

async function rowOf(engine: Engine, { name, make }: Kind): Promise<string> {
  let row = "";
  await engine.withDatabase(async (url) => {
    await make(engine, url);
    const history = readHistory(projectFile("drizzle"), engine.dialect);
    const verdict = async () => (await verifyUrl(url, { history, checks: ["history"] })).findings[0]!;
    const status = await withContext(url, readStatus);
    const { status: grade, message } = await verdict();
    const isSame = message === status.state.refusal?.message;
    const adoption = await withContext(url, (context) => prepareAdoption(context));
    assert.equal(adoption.refusal, null);
    const labels = adoption.inspection.labels.map(describeLabel);
    await adoptDatabase(url);
    await upgradeDatabase(url);
    const after = await withContext(url, readStatus);
    const plan = { none: "nothing to do", stamp: `stamps ${adoption.to}`, bridge: "a bridge to head" };
    row = [
      name,
      wordsOfStatus(status),
      isSame ? `${grade}, in the same words` : `${grade}: ${plain(message)}`,
      [...labels, plan[adoption.action]].join("; "),
      `${wordsOfStatus(after)}; verify: ${(await verdict()).status}`,
    ].join(" | ");
  });
  return `| ${row} |`;
}

const page = await readFile(projectFile("docs/adopting.md"), "utf8");
const [, table = ""] =
  /<!-- made by tests\/adopt\/kinds_page_test.ts -->\n([^]*?)\n<!-- end -->/.exec(page) ?? [];
const rows = new Map(table.split("\n").slice(2).map((line) => [line.split(" | ")[0]!.slice(2), line]));

// Words are no engine's, so that a server is asked of one in three; that each engine comes to head from each kind, and by which way, is
// in adopt_test.ts.
for (const [turn, engine] of driverEngines.entries()) {
  for (const kind of kinds.filter((_, place) => turn === 0 || place % 3 === turn)) {
    test(`${engine.name}: docs/adopting.md says what is said of "${kind.name}"`, async () => {
      assert.equal(rows.get(kind.name), await rowOf(engine, kind));
    });
  }
}

test("docs/adopting.md has a row for each kind of database and no other", () => {
  assert.deepEqual([...rows.keys()], kinds.map(({ name }) => name));
});
