import assert from "node:assert/strict";
import { test } from "node:test";
import { html } from "../../src/verify/page/html.ts";
import { renderCrontab } from "../../src/verify/schedule/crontab.ts";
import { type Metrics, renderMetrics } from "../../src/verify/rules/prometheus.ts";
import { formatBytes, formatCount, formatDuration, parseDuration } from "../../src/base/quantity.ts";
import { describeRun } from "../../src/commands/last_verify.ts";
import { formatRunRecord, parseRunRecords, type RunRecord } from "../../src/verify/rules/run_record.ts";
import { nextSliceSize } from "../../src/engines/slices/size.ts";

// Text and milliseconds.
const durations = [["90", 90_000], ["90s", 90_000], ["1.5m", 90_000], ["26h", 93_600_000], [
  "7d",
  604_800_000,
], ["0s", 0]] as const;
for (const [text, ms] of durations) {
  test(`parseDuration("${text}") is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
}
for (const text of ["", "h", "-1s", "1w", "1h30m", "soon"]) {
  test(`parseDuration("${text}") is none`, () => assert.equal(parseDuration(text), undefined));
}

// Milliseconds and words.
const words = [
  [450, "450 ms"],
  [3_240, "3.2 s"],
  [45_000, "45 s"],
  [200_000, "3 min 20 s"],
  [3_600_000, "1 h"],
  [93_600_000, "26 h"],
  [7_500_000, "2 h 5 min"],
  [273_600_000, "3 d 4 h"],
  [59_700, "1 min"],
  [172_799_000, "48 h"],
] as const;
for (const [ms, text] of words) {
  test(`formatDuration(${ms}) is "${text}"`, () => assert.equal(formatDuration(ms), text));
}

test("formatBytes() and formatCount() round and group for people", () => {
  assert.deepEqual([0, 512, 999, 1_000, 4_100, 38_400_000, 999_600, 1_200_000_000].map(formatBytes), [
    "0 B",
    "512 B",
    "999 B",
    "1.0 kB",
    "4.1 kB",
    "38 MB",
    "1.0 MB",
    "1.2 GB",
  ]);
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(formatCount), [
    "0",
    "999",
    "1\u00a0000",
    "1\u00a0234\u00a0567",
  ]);
});

test("slices grow at most twofold, shrink as far as they must, and stay within bounds", () => {
  assert.equal(nextSliceSize(5_000, 1, 20), 10_000);
  assert.equal(nextSliceSize(5_000, 20, 20), 5_000);
  assert.equal(nextSliceSize(40_000, 200, 20), 4_000);
  assert.equal(nextSliceSize(2_000, 5_000, 20), 2_000);
  assert.equal(nextSliceSize(50_000, 0, 20), 50_000);
  assert.equal(nextSliceSize(10_000, 50, 100), 20_000);
});

test("html`` escapes what is put into it, and nothing twice", () => {
  const bad = `<script>"&'`;
  const inner = html`<b title="${bad}">${bad}</b>`;
  const escaped = "&lt;script&gt;&quot;&amp;&#39;";
  assert.equal(html`<p>${[inner, 7, null]}</p>`.markup, `<p><b title="${escaped}">${escaped}</b>7</p>`);
});

const run: RunRecord = {
  at: "2025-11-22T03:15:00.000Z",
  ms: 1_500,
  version: "0.1.0",
  database: "sqlite:////srv/openharbor.db",
  status: "pass",
  exitCode: 0,
  summary: { pass: 1, warn: 0, fail: 0, error: 0 },
  checks: [{ check: "schema", status: "pass", ms: 12 }],
  problems: [],
  notChecked: [],
};

test("a log of runs is one line each, and what is no run is passed over", () => {
  const line = formatRunRecord(run);
  assert.equal(line.split("\n").length, 2);
  const name = {
    ...run,
    problems: [{ check: "schema", status: "fail", message: "table a\u009b31m\u2028\x1b[31m" }],
  } as const;
  assert.match(formatRunRecord(name), /table a\\u009b31m\\u2028\\u001b/);
  assert.deepEqual(parseRunRecords(formatRunRecord(name)), [name]);
  assert.deepEqual(parseRunRecords(`${line}{"at":"2025\n\nnull\n[]\n{"at":"never"}\n${line}`), [run, run]);
  const { notChecked: _, ...older } = run;
  assert.deepEqual(parseRunRecords(JSON.stringify(older)), [run]);
});

// One row an end of a run: its exit code, what nobody looked at, and what status says of it.
const ends: readonly (readonly [number, readonly string[], Partial<RunRecord>, string])[] = [
  [0, [], {}, "healthy, 1 h ago"],
  [0, ["amcheck", "data"], {}, "healthy as far as it was checked (not: amcheck, data), 1 h ago"],
  [1, [], {
    problems: [{ check: "data", status: "error", message: "" }],
  }, "not all could be checked (data), 1 h ago"],
  [3, [], {
    summary: { ...run.summary, warn: 1 },
    problems: [{ check: "data", status: "warn", message: "" }],
  }, "not healthy (data), 1 h ago"],
  [3, ["amcheck"], {
    summary: { ...run.summary, fail: 1 },
    problems: [{ check: "data", status: "fail", message: "" }],
  }, "1 failed (data), 1 h ago"],
];
for (const [exitCode, notChecked, more, words] of ends) {
  test(`describeRun() says "${words}"`, () =>
    assert.equal(
      describeRun({ ...run, ...more, exitCode, notChecked }, new Date("2025-11-22T04:15:00.000Z")),
      words,
    ));
}

// One row a line that is a run in all but one field.
const strangeRuns: readonly (readonly [string, Record<string, unknown>])[] = [
  ["a status that is not known", { status: "good" }],
  ["problems that are none", { problems: [null] }],
  ["a summary in words", { summary: { ...run.summary, fail: "none" } }],
  ["a time that is no text", { at: 1 }],
  ["checks in an object", { checks: {} }],
];
for (const [what, change] of strangeRuns) {
  test(`a log of runs is read without a line that has ${what}`, () => {
    const line = JSON.stringify({ ...run, ...change });
    assert.deepEqual(parseRunRecords(`${line}\n${formatRunRecord(run)}`), [run]);
  });
}

const metrics: Metrics = {
  database: 'postgresql://me@"db"\\x/harbor',
  version: "0.1.0",
  at: "2025-11-22T03:15:00.000Z",
  ms: 2_000,
  isHealthy: true,
  checks: [
    { check: "schema", status: "pass", ms: 12, notChecked: 0 },
    { check: "data", status: "warn", ms: 100, notChecked: 0 },
  ],
  tables: [{ name: "files", rows: 7, bytes: null }],
  backup: { createdAt: "2025-11-22T01:15:02.000Z", bytes: 4_096 },
  deliveries: [],
};

test("metrics have labels that are escaped, seconds, and the age of the backup at the end of the run", () => {
  const text = renderMetrics(metrics, "");
  const label = 'database="postgresql://me@\\"db\\"\\\\x/harbor"';
  for (
    const line of [
      `harbor_db_verify_last_run_timestamp_seconds{${label}} 1763781302`,
      `harbor_db_check_status{${label},check="data",status="warn"} 1`,
      `harbor_db_check_duration_seconds{${label},check="schema"} 0.012`,
      `harbor_db_table_rows{${label},table="files"} 7`,
      `harbor_db_backup_age_seconds{${label}} 7200`,
      `harbor_db_backup_size_bytes{${label}} 4096`,
    ]
  ) {
    assert.ok(text.split("\n").includes(line), `${line} is not in\n${text}`);
  }
  assert.doesNotMatch(text, /table_size_bytes/);
  // Each family once, with its help and type before its samples, as the format demands.
  const names = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map((match) => match[1]);
  assert.equal(new Set(names).size, names.length);
  assert.match(text, /\n$/);
});

test("metrics of a bad run of one check keep when all was well, and how the others ended", () => {
  const before = renderMetrics(metrics, "");
  const after = renderMetrics({
    ...metrics,
    at: "2025-11-23T03:15:00.000Z",
    isHealthy: false,
    checks: [{ check: "schema", status: "fail", ms: 5, notChecked: 0 }],
    tables: [],
    backup: null,
  }, before);
  const value = (name: string, labels = "") =>
    new RegExp(`^${name}\\{database="[^ ]*"${labels}\\} (.+)$`, "m").exec(after)?.[1];
  assert.equal(value("harbor_db_verify_last_success_timestamp_seconds"), "1763781302");
  assert.equal(value("harbor_db_verify_last_run_timestamp_seconds"), "1763867702");
  assert.equal(value("harbor_db_check_last_success_timestamp_seconds", ',check="schema"'), "1763781302");
  assert.equal(value("harbor_db_check_status", ',check="data",status="warn"'), "1");
  assert.equal(value("harbor_db_check_status", ',check="schema",status="pass"'), "0");
  assert.equal(value("harbor_db_check_status", ',check="schema",status="fail"'), "1");
  assert.equal(value("harbor_db_table_rows", ',table="files"'), undefined);
  const other = renderMetrics({ ...metrics, database: "sqlite:////other.db", checks: [] }, before);
  assert.doesNotMatch(other, /postgresql/, "what is of another database is not kept");
});

test("a crontab line quotes for the shell, and its percent signs for cron", () => {
  const line = renderCrontab({
    backup: null,
    command: ["/opt/it's here/harbor-db", "verify", "--log", "/var/log/50%.jsonl"],
    workingDirectory: "/srv/app",
    environmentFile: "/etc/harbor-db/verify.env",
    environment: { DATABASE_URL: "sqlite:////srv/a b.db" },
    at: "03:07",
  });
  assert.equal(
    line,
    `7 3 * * * cd /srv/app && set -a && . /etc/harbor-db/verify.env && set +a && DATABASE_URL='sqlite:////srv/a b.db' '/opt/it'\\''s here/harbor-db' verify --log '/var/log/50\\%.jsonl'`,
  );
});
