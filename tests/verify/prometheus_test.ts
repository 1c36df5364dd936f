import assert from "node:assert/strict";
import { test } from "node:test";
import { type Metrics, renderMetrics } from "../../src/verify/rules/prometheus.ts";

const metrics: Metrics = {
  database: "sqlite:////srv/a.db",
  version: "0.1.0",
  at: "2026-01-01T00:00:00.000Z",
  ms: 1_500,
  isHealthy: true,
  checks: [{ check: "schema", status: "warn", ms: 12, notChecked: 2 }],
  tables: [{ name: "files", rows: 7, bytes: 4_096 }],
  backup: { createdAt: "2025-12-31T23:00:00.000Z", bytes: 10 },
  deliveries: [
    { to: "s3://far", isDone: false, createdAt: "2025-12-31T23:00:00.000Z" },
    { to: "s3://far", isDone: true, createdAt: "2025-12-30T23:00:00.000Z" },
    { to: "near", isDone: false, createdAt: "2025-12-31T23:00:00.000Z" },
  ],
};

/** The samples of a text by name and labels, without the database's. */
function samples(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const [, name, labels, value] = /^(\w+)\{database="(?:[^"\\]|\\.)*"(.*)\} (\S+)$/.exec(line) ?? [];
      assert.ok(name !== undefined, line);
      return [`${name}${labels}`, Number(value)];
    }),
  );
}

const good = "harbor_db_check_last_success_timestamp_seconds";
const start = Date.parse(metrics.at) / 1_000;

// One row a rule: what is different, a sample and its value.
const cases:
  readonly (readonly [rule: string, facts: Partial<Metrics>, sample: string, value: number | undefined])[] = [
    ["says when the run ended", {}, "harbor_db_verify_last_run_timestamp_seconds", start + 1.5],
    ["says when all was last well", {}, "harbor_db_verify_last_success_timestamp_seconds", start + 1.5],
    [
      "says 0 where it never was, so that an alert on its age fires",
      { isHealthy: false },
      "harbor_db_verify_last_success_timestamp_seconds",
      0,
    ],
    ["counts what a check did not look at", {}, 'harbor_db_check_not_checked,check="schema"', 2],
    ["takes a warning for a success of its check", {}, `${good},check="schema"`, start + 1.5],
    [
      "takes an error for none",
      { checks: [{ check: "schema", status: "error", ms: 1, notChecked: 0 }] },
      `${good},check="schema"`,
      undefined,
    ],
    ["has one status that holds", {}, 'harbor_db_check_status,check="schema",status="warn"', 1],
    ["has the others that do not", {}, 'harbor_db_check_status,check="schema",status="pass"', 0],
    ["counts a table's bytes", {}, 'harbor_db_table_size_bytes,table="files"', 4_096],
    ["counts backups that were not delivered", {}, 'harbor_db_backup_deliveries_failed,to="s3://far"', 1],
    [
      "says when the newest was made that is elsewhere",
      {},
      'harbor_db_backup_delivered_timestamp_seconds,to="s3://far"',
      Date.parse("2025-12-30T23:00:00.000Z") / 1_000,
    ],
    [
      "says 0 where none ever was, so that an alert on its age fires",
      {},
      'harbor_db_backup_delivered_timestamp_seconds,to="near"',
      0,
    ],
    ["says how old the backup is", {}, "harbor_db_backup_age_seconds", 3_601.5],
    [
      "takes a backup of the future for a new one",
      {
        backup: { createdAt: "2027-01-01T00:00:00.000Z", bytes: 1 },
      },
      "harbor_db_backup_age_seconds",
      0,
    ],
    [
      "says nothing of a backup that is not there",
      { backup: null },
      "harbor_db_backup_age_seconds",
      undefined,
    ],
  ];
for (const [rule, facts, sample, value] of cases) {
  test(`renderMetrics() ${rule}`, () => {
    assert.equal(samples(renderMetrics({ ...metrics, ...facts }, "")).get(sample), value);
  });
}

test("renderMetrics() leaves out a family without samples, its help too", () => {
  assert.doesNotMatch(
    renderMetrics({ ...metrics, backup: null, tables: [], deliveries: [] }, ""),
    /backup|table_/,
  );
});

test("renderMetrics() keeps a line a line, whatever a name holds", () => {
  const text = renderMetrics({ ...metrics, tables: [{ name: 'a"\\\nb', rows: 1, bytes: null }] }, "");
  assert.ok(
    text.split("\n").includes('harbor_db_table_rows{database="sqlite:////srv/a.db",table="a\\"\\\\\\nb"} 1'),
    text,
  );
});

test("renderMetrics() takes over what this run did not look at, of this database alone", () => {
  const other = { check: "data", status: "pass", ms: 5, notChecked: 0 } as const;
  const before = renderMetrics({ ...metrics, checks: [...metrics.checks, other] }, "");
  const longer = renderMetrics({ ...metrics, database: `${metrics.database}x`, checks: [other] }, "");
  const now = { ...metrics, at: "2026-01-02T00:00:00.000Z", isHealthy: false };
  const after = renderMetrics(now, before + longer);
  assert.equal(samples(after).get(`${good},check="data"`), start + 1.5);
  assert.equal(samples(after).get(`${good},check="schema"`), start + 86_401.5);
  assert.equal(samples(after).get("harbor_db_verify_last_success_timestamp_seconds"), start + 1.5);
  assert.doesNotMatch(after, /a\.dbx/);
});

test("renderMetrics() takes over no time that is still to come: no alert on its age would fire until then", () => {
  const other = { check: "data", status: "pass", ms: 5, notChecked: 0 } as const;
  const ahead = { ...metrics, at: "2036-01-01T00:00:00.000Z", checks: [...metrics.checks, other] };
  const after = samples(renderMetrics({ ...metrics, isHealthy: false }, renderMetrics(ahead, "")));
  assert.equal(after.get("harbor_db_verify_last_success_timestamp_seconds"), 0);
  assert.equal(after.get(`${good},check="data"`), undefined);
  assert.equal(after.get(`harbor_db_check_last_run_timestamp_seconds,check="data"`), undefined);
  assert.equal(after.get(`harbor_db_check_duration_seconds,check="data"`), 0.005);
});

test("renderMetrics() takes over no line that is no sample", () => {
  const line = `harbor_db_check_duration_seconds{database="${metrics.database}",check="x"}`;
  for (const broken of [`${line} soon`, `${line}`, `# ${line} 5`, `${line.slice(0, -12)} 5`]) {
    assert.doesNotMatch(renderMetrics(metrics, `${broken}\n`), /check="x"/, broken);
  }
});
