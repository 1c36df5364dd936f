import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { publish } from "../../src/backup/publish.ts";
import type { Manifest } from "../../src/backup/rules/manifest.ts";
import { openFolder } from "../../src/base/files/open_folder.ts";
import { withFolder } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";

test("publish() says why a copy got no name, and what of it could not be removed", () =>
  withFolder(async (folder) => {
    const workspace = join(folder, "aside");
    const stored = join(workspace, "copy");
    // Stands for what a failing device does not let go.
    mkdirSync(join(folder, "a b.db", "in the way"), { recursive: true });
    mkdirSync(workspace);
    writeFileSync(stored, "copy");
    const manifest = { file: "a b.db", database: "sqlite:///app.db" } as Manifest;
    const around = openFolder(folder);
    try {
      const { message, hintLines } = await rejectsWith(
        "backup_failed",
        publish(stored, { folder, around, workspace, manifest, owner: null }),
      );
      assert.match(message, /^Cannot copy "sqlite:\/\/\/app\.db": /);
      assert.equal(hintLines.at(-1), `What is left of it: rm '${join(folder, "a b.db")}'`);
      assert.ok(!readdirSync(folder).includes("a b.db.json"));
    } finally {
      around.close();
    }
  }));
