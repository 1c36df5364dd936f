import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { compile } from "../../scripts/build_binary.ts";
import { withoutZeros } from "../../scripts/build_elf.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

const isLinux = process.platform === "linux";

test("a Linux binary is the runtime and the program, without the memory that is zero at the start", {
  skip: isLinux ? false : "executables of other systems have none",
}, () =>
  withFolder((folder) => {
    const entry = join(folder, "main.js");
    const outfile = join(folder, "program");
    writeFileSync(entry, 'console.log([..."harbor"].reverse().join(""));');
    const runtime = compile({ root: projectFile("."), entries: [entry], outfile, target: undefined });
    assert.equal(execFileSync(outfile, { encoding: "utf8" }), "robrah\n");
    const more = statSync(outfile).size - statSync(runtime).size;
    assert.ok(more < 500_000, `${more} bytes for one line`);
    // What it takes them from has to look as it knows it.
    assert.throws(() => withoutZeros(outfile), /Cannot take the zeros out of ".*program": Bun lays/);
    return Promise.resolve();
  }));
