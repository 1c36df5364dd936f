import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readHistory } from "../../src/history/read_history.ts";

test("ends() finds a snapshot's ids in a file wherever they stand, and says what has none", () => {
  const dir = mkdtempSync(join(tmpdir(), "harbor_db_ends_"));
  try {
    const long = { tables: { t: "ö".repeat(2000) } };
    const ids = { id: "own", prevId: "before" };
    const texts: Readonly<Record<string, string | null>> = {
      "0000": JSON.stringify({ ...ids, ...long }, null, 2),
      "0001": JSON.stringify({ ...long, ...ids }),
      "0002": JSON.stringify({ note: "ö".repeat(2000), ...ids, ...long }),
      "0003": JSON.stringify({ ...ids, ...long, last: { note: "", id: "other", prevId: "another" } }),
      "0004": JSON.stringify({ ...long, ...ids, last: ',"id":"other","prevId":"another"}' }),
      "0005": JSON.stringify(long),
      "0006": null,
    };
    mkdirSync(join(dir, "sqlite", "meta"), { recursive: true });
    const write = (path: string, text: string) => writeFileSync(join(dir, "sqlite", path), text);
    const entries = Object.keys(texts).map((id) => ({ tag: `${id}_x`, when: 1_700_000_000_000 }));
    write("meta/_journal.json", JSON.stringify({ dialect: "sqlite", entries }));
    for (const [id, text] of Object.entries(texts)) {
      write(`${id}_x.sql`, "SELECT 1;");
      if (text !== null) write(`meta/${id}_snapshot.json`, text);
    }
    const { revisions } = readHistory(dir, "sqlite");
    for (const revision of revisions.slice(0, 5)) assert.deepEqual(revision.ends(), ids, revision.id);
    assert.throws(() => revisions[5]!.ends(), { code: "bad_history", state: "id is missing" });
    assert.throws(() => revisions[6]!.ends(), { code: "bad_history", state: "there is no such file" });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
