import assert from "node:assert/strict";
import { test } from "node:test";
import { applyRetention, defaultRetention, type RetentionPolicy } from "../../src/backup/rules/retention.ts";

const none: RetentionPolicy = { last: 0, daily: 0, weekly: 0, monthly: 0 };

/** `2026-07-28@a` is a backup at revision a; `!` is one that is not whole, `?` one from the future, `+` just made, `*` before an adoption, `#7` its sequence. */
function parse(text: string) {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [time, rest = ""] = word.split("@");
    const createdAt = new Date(time!.length > 10 ? `${time}:00Z` : `${time}T12:00:00Z`).toISOString();
    return {
      id: word,
      createdAt,
      boundary: rest[0] ?? "",
      isProven: !rest.includes("!"),
      isInFuture: rest.includes("?"),
      isMade: rest.includes("+"),
      isBeforeAdoption: rest.includes("*"),
      sequence: Number(/#(\d+)/.exec(rest)?.[1] ?? 0),
    };
  });
}

function show(backups: string, policy: Partial<RetentionPolicy>, force: boolean): string {
  return applyRetention(parse(backups), { ...none, ...policy }, { force })
    .map(({ backup, keep, reasons }) => `${keep ? "+" : "-"}${backup.id}${reasons.map((each) => ` ${each}`)}`)
    .join("; ");
}

// One row a rule: what there is, the policy, what becomes of it with --force (without the last way back).
const rules: readonly (readonly [string, string, Partial<RetentionPolicy>, string])[] = [
  [
    "keeps the newest",
    "2026-07-01@a 2026-07-03@a 2026-07-02@a",
    { last: 2 },
    "+2026-07-03@a last; +2026-07-02@a last; -2026-07-01@a",
  ],
  [
    "keeps the newest of each of the last days that have one",
    "2026-07-01T09:00@a 2026-07-01T10:00@a 2026-07-05T10:00@a 2026-07-09@a",
    { daily: 2 },
    "+2026-07-09@a daily; +2026-07-05T10:00@a daily; -2026-07-01T10:00@a; -2026-07-01T09:00@a",
  ],
  [
    "begins a day at midnight UTC",
    "2026-07-01T23:59@a 2026-07-02T00:00@a",
    { daily: 1 },
    "+2026-07-02T00:00@a daily; -2026-07-01T23:59@a",
  ],
  [
    "begins a week on Monday",
    "2026-07-26@a 2026-07-27@a 2026-08-02@a",
    { weekly: 5 },
    "+2026-08-02@a weekly; -2026-07-27@a; +2026-07-26@a weekly",
  ],
  [
    "takes the week across the end of a year for one",
    "2026-12-28@a 2027-01-03@a",
    { weekly: 5 },
    "+2027-01-03@a weekly; -2026-12-28@a",
  ],
  [
    "keeps the newest of each month",
    "2026-05-31@a 2026-06-01@a 2026-06-30@a",
    { monthly: 2 },
    "+2026-06-30@a monthly; -2026-06-01@a; +2026-05-31@a monthly",
  ],
  [
    "says all rules that keep one",
    "2026-07-01@a",
    { last: 1, daily: 1, weekly: 1, monthly: 1 },
    "+2026-07-01@a last, daily, weekly, monthly",
  ],
  [
    "lets one that is not whole keep no other from being kept",
    "2026-07-01@a 2026-07-02@a!",
    { last: 1 },
    "-2026-07-02@a!; +2026-07-01@a last",
  ],
  [
    "tells two of one moment apart by their names",
    "2026-07-01@a 2026-07-01@b",
    { last: 1 },
    "+2026-07-01@b last; -2026-07-01@a",
  ],
  [
    "keeps the last one made, though a clock that was behind dates it back",
    "1970-01-01@a#8 2026-07-02@a#7 2026-07-03@a#6",
    { last: 1 },
    "+2026-07-03@a#6 last; -2026-07-02@a#7; +1970-01-01@a#8 the last one made",
  ],
  [
    "keeps what was just made, though a clock that was ahead dates others later",
    "2026-07-01@a+ 2026-07-02@a#7 2026-07-03@a",
    { last: 1 },
    "+2026-07-03@a last; +2026-07-02@a#7 the last one made; +2026-07-01@a+ just made",
  ],
  [
    "neither counts nor removes what is dated in the future",
    "2026-07-01@a 2026-07-02@a 2031-01-01@a?#9",
    { last: 1 },
    "+2031-01-01@a?#9 dated in the future, so not counted; +2026-07-02@a last; -2026-07-01@a",
  ],
  ["has nothing to say about nothing", "", { last: 1 }, ""],
];
for (const [rule, backups, policy, expected] of rules) {
  test(`applyRetention() ${rule}`, () => assert.equal(show(backups, policy, true), expected));
}

// The same without --force.
const protections: readonly (readonly [string, string, Partial<RetentionPolicy>, string])[] = [
  [
    "keeps the newest way back to each revision",
    "2026-07-01@a 2026-07-02@a 2026-07-03@b 2026-07-04@b",
    { last: 1 },
    "+2026-07-04@b last, newest at b; -2026-07-03@b; +2026-07-02@a newest at a; -2026-07-01@a",
  ],
  [
    "keeps the first of adoptions that were begun again, and one of each row of them",
    "2026-06-01@0* 2026-06-02@a 2026-07-01@0* 2026-07-02@0* 2026-07-03@0* 2026-07-04@a",
    { last: 1 },
    "+2026-07-04@a last, newest at a; +2026-07-03@0* newest at 0; -2026-07-02@0*; +2026-07-01@0* first before adopt; " +
    "-2026-06-02@a; +2026-06-01@0* first before adopt",
  ],
  [
    "does not take one that is not whole for a way back",
    "2026-07-01@a 2026-07-02@a! 2026-07-03@b",
    { last: 1 },
    "+2026-07-03@b last, newest at b; +2026-07-02@a! not whole, so not counted; +2026-07-01@a newest at a",
  ],
];
for (const [rule, backups, policy, expected] of protections) {
  test(`applyRetention() ${rule}`, () => assert.equal(show(backups, policy, false), expected));
}

test("the default keeps what a month of nightly backups and a busy day need", () => {
  const nightly = Array.from(
    { length: 60 },
    (_, day) => new Date(Date.UTC(2026, 4, 1 + day, 3)).toISOString(),
  );
  const busy = Array.from(
    { length: 30 },
    (_, minute) => new Date(Date.UTC(2026, 5, 30, 10, minute)).toISOString(),
  );
  const backups = [...nightly, ...busy].map((createdAt) => ({
    id: createdAt,
    createdAt,
    boundary: "a",
    isProven: true,
    sequence: 0,
    isInFuture: false,
    isMade: false,
    isBeforeAdoption: false,
  }));
  const kept = applyRetention(backups, defaultRetention, { force: false }).filter(({ keep }) => keep)
    .map(({ backup }) => backup.createdAt);
  assert.equal(kept.filter((time) => time.startsWith("2026-06-30T10")).length, 10);
  for (const day of ["29", "28", "27", "26", "25", "24"]) {
    assert.ok(kept.some((time) => time.startsWith(`2026-06-${day}`)), `nothing of June ${day}`);
  }
  assert.ok(kept.some((time) => time.startsWith("2026-05-31")), "nothing of May");
  assert.ok(kept.length < 25, `${kept.length} kept`);
});
