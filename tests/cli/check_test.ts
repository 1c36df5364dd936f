import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";
import { runHere } from "../support/run_here.ts";
import { type SchemaProject, withUnreleasedProject } from "../support/samples/schema_project.ts";

const r2 = "5b09ebe23c76_add_r2_storage_fields";
const variants = "f27bd10b7ec4_add_image_variant_storage_paths";

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: {
    readonly file?: string;
    readonly line?: number | null;
    readonly hazard?: string;
    readonly accepted?: readonly { readonly hazard: string }[];
    readonly released?: readonly { readonly revision: string }[];
  };
}

interface Checked {
  readonly findings: readonly Finding[];
  readonly summary: {
    readonly pass: number;
    readonly warn: number;
    readonly fail: number;
    readonly error: number;
  };
}

async function replace(
  project: SchemaProject,
  path: string,
  from: string | RegExp,
  to: string,
): Promise<void> {
  const text = await project.read(path);
  const changed = text.replace(from, to);
  assert.notEqual(changed, text, `${path} has no ${from}`);
  await project.write(path, changed);
}

/** Writes an upgrade script of the revision f27bd10b7ec4 anew. */
function rewrite(dialect: "sqlite" | "postgresql", ...statements: readonly string[]) {
  const text = statements.join(";--> statement-breakpoint\n");
  return (project: SchemaProject) =>
    project.write(`drizzle/${dialect}/${variants}.sql`, `-- Add image variant storage paths\n${text};\n`);
}

// What is damaged: how, the check that finds it, where, what it says, and the remedy.
const damages: readonly (readonly [
  what: string,
  damage: (project: SchemaProject) => Promise<void>,
  check: string,
  where: string,
  message: RegExp,
  hint: RegExp,
])[] = [
  [
    "an edited script",
    (project) => replace(project, `drizzle/sqlite/${r2}.sql`, "(20)", "(21)"),
    "edited",
    `drizzle/sqlite/${r2}.sql`,
    /it was edited since it was written/,
    /check --prove --accept-edits/,
  ],
  [
    "an edited snapshot",
    (project) =>
      replace(project, "drizzle/postgresql/meta/5b09ebe23c76_snapshot.json", "varchar(20)", "varchar(21)"),
    "edited",
    "drizzle/postgresql/meta/5b09ebe23c76_snapshot.json",
    /it was edited/,
    /accept-edits/,
  ],
  [
    "a missing upgrade script",
    (project) => rm(join(project.cwd, `drizzle/sqlite/${r2}.sql`)),
    "files",
    `drizzle/sqlite/${r2}.sql`,
    /there is no such file/,
    /git here does not have it/,
  ],
  [
    "a missing snapshot",
    (project) => rm(join(project.cwd, "drizzle/sqlite/meta/5b09ebe23c76_snapshot.json")),
    "files",
    "drizzle/sqlite/meta/5b09ebe23c76_snapshot.json",
    /there is no such file/,
    /git here does not have it/,
  ],
  [
    "a file of no revision",
    (project) => project.write("drizzle/sqlite/0123456789ab_stray.sql", "-- Stray\nSELECT 1;\n"),
    "files",
    "drizzle/sqlite/0123456789ab_stray.sql",
    /the journal does not name it/,
    /rm .*_stray\.sql/,
  ],
  [
    "a missing downgrade",
    (project) => rm(join(project.cwd, `drizzle/postgresql/${r2}.down.sql`)),
    "downgrade",
    `drizzle/postgresql/${r2}.down.sql`,
    /cannot be undone/,
    /Write it/,
  ],
  [
    "a downgrade that cannot be split",
    (project) =>
      project.write(
        `drizzle/sqlite/${r2}.down.sql`,
        "-- Add R2 storage fields\nDROP TABLE a;\nCOMMIT;\n",
      ),
    "downgrade",
    `drizzle/sqlite/${r2}.down.sql:3`,
    /COMMIT stands in it/,
    /Take it out/,
  ],
  [
    "a directive that is not known",
    (project) => replace(project, `drizzle/postgresql/${r2}.sql`, "harbor:concurrently", "harbor:quickly"),
    "script",
    `drizzle/postgresql/${r2}.sql:6`,
    /quickly/,
    /./,
  ],
  [
    "a journal that is no JSON",
    (project) => replace(project, "drizzle/sqlite/meta/_journal.json", "{", ""),
    "journal",
    "drizzle/sqlite/meta/_journal.json",
    /it is no JSON/,
    /git here does not have it/,
  ],
  [
    "a journal with the marks of a merge",
    (project) =>
      replace(
        project,
        "drizzle/sqlite/meta/_journal.json",
        '    {\n      "idx": 1,',
        '<<<<<<< HEAD\n    {\n      "idx": 1,',
      ),
    "journal",
    "drizzle/sqlite/meta/_journal.json:12",
    /a merge left its marks/,
    /harbor-db rebase/,
  ],
  [
    "times that fall",
    (project) => replace(project, "drizzle/sqlite/meta/_journal.json", "1759168328280", "1758809110237"),
    "journal",
    "drizzle/sqlite/meta/_journal.json:23",
    /not dated later than 5b09ebe23c76/,
    /harbor-db rebase f27bd10b7ec4/,
  ],
  [
    "two revisions with one parent",
    (project) =>
      replace(
        project,
        "drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json",
        /"prevId": ".*"/,
        '"prevId": "00000000-0000-4000-8000-71dda59686db"',
      ),
    "branches",
    "drizzle/sqlite/meta/_journal.json:23",
    /5b09ebe23c76 and f27bd10b7ec4 both come after 71dda59686db: two branches were merged/,
    /harbor-db rebase f27bd10b7ec4/,
  ],
  [
    "a snapshot of another format",
    (project) =>
      replace(project, "drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json", '"version": "6"', '"version": "9"'),
    "snapshot",
    "drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json",
    /version is 9/,
    /./,
  ],
  [
    "a statement that PostgreSQL does not take",
    rewrite(
      "postgresql",
      'ALTER TABLE "files" ADD COLUMN "thumb_path" varchar(500)',
      "ALTER TABLE files\n  ADD COLUMN `medium_path` varchar(500)",
    ),
    "syntax",
    `drizzle/postgresql/${variants}.sql:4`,
    /syntax error at or near "`"/,
    /Edit the statement/,
  ],
  [
    "a statement that SQLite does not take",
    rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "ALTER TABLE files ALTER COLUMN medium_path SET DATA TYPE text",
    ),
    "syntax",
    `drizzle/sqlite/${variants}.sql:3`,
    /syntax error/,
    /Edit the statement/,
  ],
  [
    "an index with the name of another table's",
    rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "CREATE INDEX ix_collections_name ON collections (name)",
      "CREATE INDEX ix_collections_name ON files (thumb_path)",
    ),
    "syntax",
    `drizzle/sqlite/${variants}.sql:4`,
    /index ix_collections_name already exists/,
    /Edit the statement/,
  ],
  [
    "a view of a column that the way back drops",
    rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "CREATE VIEW thumbs AS SELECT thumb_path FROM files",
    ),
    "syntax",
    `drizzle/sqlite/${variants}.down.sql:4`,
    /error in view thumbs after drop column: no such column: thumb_path/,
    /Edit the statement/,
  ],
  [
    "a column that only one dialect adds",
    rewrite("postgresql", 'ALTER TABLE "files" ADD COLUMN "thumb_path" varchar(500)'),
    "dialects",
    `drizzle/sqlite/${variants}.sql:3`,
    /adds column files\.medium_path, and the script for postgresql does not/,
    new RegExp(`Do the same in drizzle/postgresql/${variants}\\.sql`),
  ],
  [
    "rows that only one dialect changes",
    rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)",
      "-- harbor:backfill table=files key=id\nUPDATE files SET thumb_path = thumbnail_path",
    ),
    "dialects",
    `drizzle/sqlite/${variants}.sql:5`,
    /updates rows of files, and the script for postgresql does not/,
    /./,
  ],
  [
    "a column that one dialect spells otherwise",
    async (project) => {
      for (const path of [`${variants}.sql`, "meta/f27bd10b7ec4_snapshot.json"]) {
        await replace(project, `drizzle/sqlite/${path}`, /medium_path/g, "medum_path");
      }
    },
    "dialects",
    "",
    /adds column files\.medum_path, and the script/,
    /Do the same/,
  ],
  [
    "a column that is NULL on one dialect alone",
    (project) =>
      replace(
        project,
        "drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json",
        /("medium_path",\s+"type": "[^"]+",\s+"primaryKey": false,\s+"notNull": )false/,
        "$1true",
      ),
    "dialects",
    "",
    /f27bd10b7ec4 does not leave the same on both dialects: column files\.medium_path is NOT NULL on sqlite and NULL/,
    /schema\.ts/,
  ],
  [
    "names that differ",
    async (project) => {
      const other = "f27bd10b7ec4_add_picture";
      for (const suffix of [".sql", ".down.sql"]) {
        const text = await project.read(`drizzle/sqlite/${variants}${suffix}`);
        await project.write(`drizzle/sqlite/${other}${suffix}`, text);
        await rm(join(project.cwd, `drizzle/sqlite/${variants}${suffix}`));
      }
      await replace(project, "drizzle/sqlite/meta/_journal.json", variants, other);
    },
    "dialects",
    "",
    /f27bd10b7ec4 is called f27bd10b7ec4_add_picture on sqlite/,
    /the same name/,
  ],
  [
    "a schema.ts that is ahead",
    (project) =>
      project.edit(
        "medium_path: varchar({ length: 500 }),",
        "medium_path: varchar({ length: 500 }),\n  note: text(),",
      ),
    "schema",
    "",
    /schema\.ts is ahead of the history on sqlite: column files\.note/,
    /harbor-db generate/,
  ],
  [
    "a dangerous statement",
    rewrite(
      "postgresql",
      'ALTER TABLE "files" ADD COLUMN "thumb_path" varchar(500)',
      'ALTER TABLE "files" ADD COLUMN "medium_path" varchar(500)',
      'CREATE INDEX ix_files_size ON "files" ("size")',
    ),
    "hazard",
    `drizzle/postgresql/${variants}.sql:4`,
    /blocking_index: builds ix_files_size while nobody can write to files/,
    /harbor:concurrently.*harbor:allow blocking_index REASON/,
  ],
];

for (const [what, damage, check, where, message, hint] of damages) {
  test(`check finds ${what}, with its place and remedy`, () =>
    withUnreleasedProject(async (project) => {
      await damage(project);
      const before = await project.files();
      const result = await runHere(["check", "--json"], { cwd: project.cwd });
      assert.equal(result.code, 3, result.stdout + result.stderr);
      const { findings, summary } = result.json<Checked>();
      const found = findings.find((finding) =>
        finding.check === check && finding.status === "fail" && message.test(finding.message)
      );
      assert.ok(found, JSON.stringify(findings.filter(({ status }) => status !== "pass"), null, 1));
      assert.ok(found.message.startsWith(where), found.message);
      assert.match(found.hint!, hint);
      const line = /:(\d+)$/.exec(where)?.[1];
      if (line !== undefined) assert.equal(found.details.line, Number(line));
      assert.ok(summary.fail > 0);
      assert.deepEqual(await project.files(), before, "check wrote something");
    }));
}

test("check passes this project's own history, one line a check", () =>
  withUnreleasedProject(async (project) => {
    const result = await project.run(["check", "--json"]);
    assert.equal(result.code, 0, result.stdout);
    const { findings, summary } = result.json<Checked>();
    assert.deepEqual([summary.fail, summary.error], [0, 0]);
    const passed = findings.filter(({ status }) => status === "pass").map((finding) => finding.check);
    for (
      const name of [
        "journal",
        "files",
        "edited",
        "branches",
        "snapshot",
        "script",
        "downgrade",
        "syntax",
        "dialects",
        "schema",
        "releases",
      ]
    ) {
      assert.ok(passed.includes(name), name);
    }
    assert.ok(summary.warn > 0);
    await project.write("drizzle/host.sql", "CREATE SCHEMA auth;\n");
    const strict = await project.run(["check", "--strict"]);
    assert.equal(strict.code, 3);
    assert.match(
      strict.stdout,
      /drizzle\/host\.sql: nothing reads it there\n +mv drizzle\/host\.sql drizzle\/postgresql\/host\.sql/,
    );
    await rm(join(project.cwd, "drizzle/host.sql"));
    // What is released is a count, and nothing is left that somebody would have to look at.
    const released = await project.run(["check", "--baseline", "head", "--strict", "--json"]);
    assert.equal(released.code, 0, released.stdout);
    const { findings: open, summary: rest } = released.json<Checked>();
    assert.deepEqual([rest.warn, rest.fail, rest.error], [0, 0, 0]);
    const counted = open.find(({ check }) => check === "hazard")!;
    assert.equal(counted.details.released!.length, summary.warn, counted.message);
    assert.match(
      counted.message,
      /^after the baseline, no statement is dangerous .*; \d+ in released revisions$/,
    );
    assert.equal(
      await project.read("drizzle/BASELINE"),
      await readFile(projectFile("drizzle/BASELINE"), "utf8"),
    );
    for (const change of [["drop", "--yes"], ["rebase", "7b1f73160408"]]) {
      const refused = await project.run(change);
      assert.equal(refused.code, 4, refused.stdout);
      assert.match(refused.stderr, /"7b1f73160408": BASELINE says that it is released/);
    }
    assert.equal(
      await project.read("drizzle/SHA256SUMS"),
      await readFile(projectFile("drizzle/SHA256SUMS"), "utf8"),
    );
  }));

test("check lets a view outlive the copy of a table that it reads, as an upgrade does", () =>
  withUnreleasedProject(async (project) => {
    await rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)",
      "CREATE VIEW thumbs AS SELECT thumb_path FROM files",
    )(project);
    const back = `drizzle/sqlite/${variants}.down.sql`;
    await replace(project, back, "ALTER TABLE", "DROP VIEW thumbs;--> statement-breakpoint\nALTER TABLE");
    const { findings } = (await project.run(["check", "--json"])).json<Checked>();
    assert.deepEqual(findings.filter(({ check }) => check === "syntax").map(({ status }) => status), [
      "pass",
    ]);
  }));

test("check judges of a history that others wrote what comes after its baseline", () =>
  withUnreleasedProject(async (project) => {
    // A schema that drifted from its scripts, no way back, two branches, and no list of checksums.
    await rm(join(project.cwd, "drizzle/SHA256SUMS"));
    const drifted = `ALTER TABLE files ADD COLUMN thumb_path VARCHAR(50)`;
    const medium = "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)";
    await rewrite("sqlite", drifted, medium)(project);
    await rm(join(project.cwd, `drizzle/sqlite/${r2}.down.sql`));
    await replace(
      project,
      `drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json`,
      /"prevId": ".*?"/,
      '"prevId": "x"',
    );
    const before = await project.run(["check"]);
    assert.match(before.stdout, /FAIL +downgrade[^]*harbor-db check --baseline 5b09ebe23c76/);
    const unknown = await project.run(["check", "--baseline", "abc"]);
    assert.equal(unknown.code, 2);

    const check = await project.run(["check", "--baseline", "f27b", "--prove", "--json"]);
    const { findings } = check.json<Checked>();
    const open = findings.filter(({ status, check }) => status !== "pass" && check !== "hazard");
    // The next script copies the table, and so makes the column what the snapshot says: nothing is left to find.
    assert.deepEqual(open.map(({ message }) => message).filter((each) => !each.includes("were not run")), []);
    assert.equal(await project.read("drizzle/BASELINE"), "f27bd10b7ec4  Add image variant storage paths\n");
    const listed = await project.read("drizzle/SHA256SUMS");
    assert.ok(listed.includes(`sqlite/${variants}.sql`));
    // A released script stays as it is.
    await replace(project, `drizzle/sqlite/${r2}.sql`, "-- Add R2", "-- Add r2");
    assert.match((await project.run(["check"])).stdout, /edited since it was written/);
    // Nor is one of its files lost in silence, and what was not looked at is not said to be right.
    await rm(join(project.cwd, `drizzle/sqlite/${variants}.down.sql`));
    const without = await project.run(["check"]);
    assert.match(
      without.stdout,
      new RegExp(`FAIL +edited +\\S+${variants}\\.down\\.sql: SHA256SUMS lists it, and there is no`),
    );
    assert.match(
      without.stdout,
      /after the baseline, every revision has a way back; 2 in released revisions/,
    );

    await project.write("drizzle/BASELINE", "0123456789ab");
    const lost = await project.run(["check"]);
    assert.equal(lost.code, 3);
    assert.match(
      lost.stdout,
      /drizzle\/BASELINE: the history of sqlite does not have it\n.*--baseline 7b1f73160408/,
    );
    await rm(join(project.cwd, "drizzle/postgresql"), { recursive: true });
    const proven = await project.run(["check", "--baseline", "head", "--prove"]);
    assert.match(proven.stdout, /proof +released revisions run up: 4; there is no later one/);
  }));

test("check says what it could not check, with exit code 1", () =>
  withUnreleasedProject(async (project) => {
    await rm(join(project.cwd, "schema.ts"));
    const result = await project.run(["check", "--json"]);
    assert.equal(result.code, 1, result.stdout);
    const found = result.json<Checked>().findings.find(({ status }) => status === "error");
    assert.deepEqual([found!.check, found!.hint], ["schema", "--schema schema.ts"]);
  }));

test("check --prove shows in what a hand-edited script differs from its snapshot", () =>
  withUnreleasedProject(async (project) => {
    await rewrite(
      "sqlite",
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(50)",
      "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)",
    )(project);
    const result = await project.run(["check", "--prove", "--accept-edits", "--json"]);
    assert.equal(result.code, 3, result.stdout);
    const { findings } = result.json<Checked>();
    const proof = findings.find((finding) => finding.check === "proof" && finding.status === "fail");
    assert.match(
      proof!.message,
      /upgrade of "f27bd10b7ec4".*column files\.thumb_path: expected VARCHAR\(500\), found VARCHAR\(50\)/,
    );
    // What is not proven is not accepted either.
    assert.ok(findings.some((finding) => finding.check === "edited" && finding.status === "fail"));
  }));

test("check --prove finds a downgrade that leaves something behind", () =>
  withUnreleasedProject(async (project) => {
    await project.write(
      `drizzle/sqlite/${variants}.down.sql`,
      "-- Add image variant storage paths\nALTER TABLE `files` DROP COLUMN `thumb_path`;\n",
    );
    const result = await project.run(["check", "--prove"]);
    assert.equal(result.code, 3, result.stdout);
    assert.match(
      result.stdout,
      /FAIL +proof .*downgrade of "f27bd10b7ec4".*column files\.medium_path is not expected/,
    );
  }));

test("check --prove finds rows that a script loses, and none where it adds some", () =>
  withUnreleasedProject(async (project) => {
    const columns = [
      "ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500)",
      "ALTER TABLE files ADD COLUMN medium_path VARCHAR(500)",
    ];
    await rewrite("sqlite", ...columns, "UPDATE OR REPLACE files SET id = 1")(project);
    const lost = await project.run(["check", "--prove"]);
    assert.equal(lost.code, 3, lost.stdout);
    assert.match(
      lost.stdout,
      /FAIL +proof .*files has 1 row instead of 4.*\n +Mend the script, .*: harbor-db check/,
    );
    const user =
      "(uuid, email, password_hash, created_at) SELECT count(*), count(*), 'x', '2025-01-01 00:00:00'";
    await rewrite("sqlite", ...columns, `INSERT INTO users ${user} FROM users`)(project);
    const more = await project.run(["check", "--prove"]);
    assert.doesNotMatch(more.stdout, /FAIL +proof/);
  }));

test("an accepted hazard passes, and one that is not there any more is said", () =>
  withUnreleasedProject(async (project) => {
    const statements = [
      'ALTER TABLE "files" ADD COLUMN "thumb_path" varchar(500)',
      '-- harbor:allow duplicates left over\nALTER TABLE "files" ADD COLUMN "medium_path" varchar(500)',
      '-- harbor:allow blocking_index the table is small\nCREATE INDEX ix_files_size ON "files" ("size")',
    ];
    await rewrite("postgresql", ...statements)(project);
    const { findings } = (await project.run(["check", "--json"])).json<Checked>();
    const own = findings.filter((finding) =>
      finding.check === "hazard" && finding.message.includes(variants)
    );
    assert.deepEqual(own.map(({ status, message }) => `${status} ${message.replace(/^\S+ /, "")}`), [
      "warn harbor:allow duplicates: nothing here is that",
    ]);
    const counted = findings.find(({ details }) => details.accepted !== undefined)!;
    assert.deepEqual([counted.status, counted.message], ["pass", "1 accepted"]);
    assert.deepEqual(counted.details.accepted!.map(({ hazard }) => hazard), ["blocking_index"]);
  }));

test("check accepts edited comments without a server, and statements and directives only when they are proven", () =>
  withUnreleasedProject(async (project) => {
    const script = `drizzle/postgresql/${r2}.sql`;
    await replace(project, script, "-- The", "-- A\n-- The");
    await replace(project, script, "\nUPDATE", "\n  UPDATE");
    const down = `drizzle/sqlite/${r2}.down.sql`;
    await replace(project, down, "DROP", "/* why */ DROP");
    const edited = await project.run(["check"]);
    assert.equal(edited.code, 3);
    assert.match(
      edited.stdout,
      /comments were edited since it was written\n.*harbor-db check --accept-edits/,
    );
    const accepted = await project.run(["check", "--accept-edits"]);
    assert.equal(accepted.code, 0, accepted.stdout);
    assert.equal((await project.run(["check"])).code, 0);

    await replace(project, script, /-- harbor:backfill.*\n */, "");
    await replace(project, down, "DROP", "DROP  ");
    await replace(project, `drizzle/sqlite/${variants}.sql`, "thumb_path", "thumb");
    const list = await project.read("drizzle/SHA256SUMS");
    const refused = await project.run(["check", "--accept-edits"]);
    assert.equal(refused.code, 3);
    for (const path of [script, `drizzle/sqlite/${variants}.sql`]) {
      assert.ok(refused.stdout.includes(`${path}: it was edited since it was written\n`), refused.stdout);
    }
    assert.ok(refused.stdout.includes(`${down}: its comments were edited since it was written; accepted`));

    // Where one history cannot be read, nothing was proven.
    await project.write("drizzle/SHA256SUMS", list);
    await project.write("drizzle/postgresql/meta/_journal.json", "{");
    assert.equal((await project.run(["check", "--prove", "--accept-edits"])).code, 3);
    const listed = (path: string) => project.read("drizzle/SHA256SUMS").then((text) => text.includes(path));
    const sum = /^.*f27bd10b7ec4_add_image_variant_storage_paths.sql$/m;
    assert.ok(await listed(sum.exec(list.slice(list.indexOf("sqlite/")))![0]));
  }));

test("check refuses a folder without a history", () =>
  withUnreleasedProject(async (project) => {
    const empty = await project.run(["check", "--dir", "nowhere"]);
    assert.equal(empty.code, 2);
    assert.match(
      empty.stderr,
      /there is no such folder\nhint: +To write its first revision: harbor-db generate/,
    );
  }));
